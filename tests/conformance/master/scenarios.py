"""How each recording is played: what happened to agents and masters at which line, and with which settings."""

from sdk.local.core.authorization import parse
from tests.conformance.master.replay import Replay, Step

_DOMAIN = {"fault_domain": {"region": {"name": "region-1"}, "zone": {"name": "zone-1"}}}
_BASE = {"domain": _DOMAIN, "log_dir": "/var/log/mesos/m1", "webui_dir": "/usr/share/mesos/webui"}
_THREE = {"zk": "zk://127.0.0.1:15181/mesos", "zk_session_timeout": 4.0, "quorum": 2}
_FAST = _BASE | {"agent_ping_timeout": 1.0, "max_agent_ping_timeouts": 3}

# Only fw may register frameworks, with one role, and tear them down; only ops may reserve.
_ACLS = {
    "permissive": False,
    "register_frameworks": [{"principals": {"values": ["fw"]}, "roles": {"values": ["slave_public"]}}],
    "teardown_frameworks": [{"principals": {"values": ["fw"]}, "framework_principals": {"type": "ANY"}}],
    "run_tasks": [{"principals": {"values": ["fw"]}, "users": {"type": "ANY"}}],
    "reserve_resources": [{"principals": {"values": ["ops"]}, "roles": {"type": "ANY"}}],
    "unreserve_resources": [{"principals": {"values": ["ops"]}, "reserver_principals": {"type": "ANY"}}],
}

SCENARIOS = {
    "01": Replay(
        "01",
        now=0.0,
        config=_BASE | {"allocation_interval": 1.0},
    ),
    "02": Replay(
        "02",
        now=0.16,
        config=_BASE | {"allocation_interval": 1.0025},
    ),
    "03": Replay(
        "03",
        now=0.44,
        config=_BASE | {"allocation_interval": 1.003},
    ),
    "04": Replay(
        "04",
        now=0.2,
        config=_BASE | {"allocation_interval": 1.0025},
    ),
    "05": Replay(
        "05",
        now=0.24,
        config=_BASE | {"allocation_interval": 1.0035},
        steps=(Step(line=213, what="disconnect"), Step(line=214, what="connect")),
    ),
    "06": Replay(
        "06",
        now=0.37,
        config=_BASE | {"allocation_interval": 1.0025},
    ),
    "07": Replay(
        "07",
        now=0.16,
        config=_BASE | {"allocation_interval": 1.002},
        steps=(Step(line=122, what="unregister"), Step(line=128, what="forget")),
    ),
    "08": Replay(
        "08",
        now=0.22,
        config=_FAST | {"allocation_interval": 1.002},
        steps=(
            Step(line=79, what="disconnect"),
            Step(line=80, what="connect"),
            Step(line=98, what="disconnect"),
            Step(line=101, what="connect"),
            Step(line=133, what="silence"),
            Step(line=157, what="connect"),
            Step(line=186, what="disconnect"),
            Step(line=205, what="connect"),
            Step(line=212, what="disconnect"),
            Step(line=221, what="e-4"),
            Step(line=221, what="connect"),
        ),
    ),
    "09": Replay(
        "09",
        now=0.53,
        config=_BASE | {"allocation_interval": 1.002},
    ),
    "11": Replay(
        "11",
        now=0.22,
        config=_FAST | {"allocation_interval": 1.002},
        steps=(
            Step(line=257, what="disconnect"),
            Step(line=272, what="connect"),
            Step(line=282, what="unregister"),
        ),
    ),
    "12": Replay(
        "12", now=0.49, config=_BASE | {"allocation_interval": 1.002}, steps=(Step(line=202, what="unregister"),)
    ),
    "13": Replay(
        "13",
        now=0.32,
        config=_BASE | {"authenticate": True, "acls": parse(_ACLS)} | {"allocation_interval": 1.004},
        credentials={"fw": "fwsecret", "ops": "opssecret"},
    ),
    "10": Replay(
        "10",
        now=0.85,
        config=_BASE | _THREE,
        # Nobody can ask a master of ours before it has its endpoints.
        skipped=frozenset({2}),
        steps=(
            Step(line=1, what="electing", who="master1"),
            Step(line=12, what="recovering", who="master1"),
            Step(line=50, what="lead", who="master1"),
            Step(line=50, what="join", who="master2"),
            Step(line=50, what="join", who="master3"),
            Step(line=51, what="follow master1", who="master2"),
            Step(line=51, what="follow master1", who="master3"),
            Step(line=160, what="follow master3", who="master2"),
            Step(line=160, what="recovering", who="master3"),
            Step(line=170, what="start", who="master3"),
            Step(line=173, what="connect"),
        ),
    ),
    "10b": Replay(
        "10b",
        now=0.2,
        config=_BASE | {"allocation_interval": 1.005},
        steps=(
            Step(line=28, what="start", who="master1"),
            Step(line=49, what="connect"),
            Step(line=62, what="start", who="master1"),
            Step(line=62, what="connect"),
        ),
    ),
}


def scenario(number: str) -> Replay:
    """The recording, ready to be played: its clock and all else that changes by that are its own."""
    base = SCENARIOS[number]
    return Replay(
        number, steps=base.steps, config=base.config, credentials=base.credentials, skipped=base.skipped, now=base.now
    )
