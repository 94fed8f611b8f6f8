"""What the faults of `edgelb local fault` are called, and what their values mean, in words. Pure.

The endpoint of masters and agents has names of its own; people see those of the commands.
"""

AGENT_FAULTS = {
    "partition": "partition",
    "drop_updates": "drop-updates",
    "delay_updates": "delay-updates",
    "lose_launches": "lose-launch",
    "fail_operations": "fail-operation",
    "cut_streams": "cut-stream executor",
}
"""The command of each fault of an agent, by its name at the endpoint."""

MASTER_FAULTS = {
    "slow": "slow-master",
    "silent": "silence-master",
    "cut_schedulers": "cut-stream scheduler",
    "cut_operators": "cut-stream operator",
    "cut_agents": "cut-stream agent",
    "drop_updates": "drop-events UPDATE",
    "drop_rescinds": "drop-events RESCIND",
    "framework_id": "--framework",
}
"""The same of a master; the last one is an option of three of them."""

_SECONDS = ("delay_updates", "slow", "silent")


def command_of(name: str, *, master: bool) -> str:
    """The command that sets a fault; the fault's own name when another version has one that is not known here."""
    return (MASTER_FAULTS if master else AGENT_FAULTS).get(name, name)


def value_of(name: str, value: object) -> str:
    """The value of a fault that is in force."""
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float() if name in _SECONDS:
            return f"{value:g} s"
        case -1:
            return "all"
        case int():
            return f"the next {value:,}" if value != 1 else "the next one"
        case _:
            return str(value)


def doomed(count: int, one: str, many: str, *, will: str, now: str, whose: str = "") -> str:
    """What a count of `--count` brings about: `will` ("be lost") happens, or `now` ("are lost") does not any more."""
    if count < 0:
        return f"From now on all {many}{whose} will {will}, until this is undone."
    if count == 0:
        return f"No {many}{whose} {now} any more."
    return f"The next {one if count == 1 else f'{count:,} {many}'}{whose} will {will}."
