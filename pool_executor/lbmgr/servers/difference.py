"""Whether HAProxy's own list of servers is what it was told. Pure.

Knows the answer to `show servers state`. Does not know how a difference came about: an order may have been carried out
by half, or somebody else gave one.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from pool_executor.contract import BackendFacts, Server, State, options_of
from sdk.net.address import canonical

_MAINTENANCE, _DRAIN = 0x01, 0x08
_COLUMNS = ("srv_name", "srv_id", "srv_addr", "srv_admin_state", "srv_uweight", "srv_port")


class Seen(NamedTuple):
    """A server as HAProxy lists it."""

    id: int
    address: str
    admin: int
    weight: int
    port: int


class Finding(NamedTuple):
    """A difference: the server that HAProxy was told, and the one that it has; None when there is none."""

    name: str
    told: Server | None
    found: Server | None
    reason: str


def parse_state(text: str) -> Mapping[str, Seen]:
    """The servers in an answer to `show servers state <backend>` by name; lines of another form are left out."""
    at: list[int] = []
    found: dict[str, Seen] = {}
    for line in text.split("\n"):
        words = line.split()
        if line.startswith("#"):
            # "# be_id be_name ...": newer releases add columns at the end, none has moved one yet.
            columns = {name: number for number, name in enumerate(words[1:])}
            at = [columns[name] for name in _COLUMNS] if columns.keys() >= set(_COLUMNS) else []
            continue
        if not at or len(words) <= max(at):
            continue
        name, number, address, admin, weight, port = (words[place] for place in at)
        try:
            found[name] = Seen(int(number), address, int(admin), int(weight), int(port))
        except ValueError:
            continue
    return found


def without_maintenance(text: str) -> str:
    """An answer to `show servers state` without the servers in forced maintenance."""
    return "\n".join(line for line in text.splitlines() if not _in_maintenance(line.split())) + "\n"


def _in_maintenance(words: list[str]) -> bool:
    return len(words) > 6 and words[6].isdigit() and bool(int(words[6]) & _MAINTENANCE)


def differences(
    facts: BackendFacts, told: Mapping[str, Server], seen: Mapping[str, Seen], retired: Collection[str]
) -> list[Finding]:
    """In what `seen` is not as was `told`. Servers that are `retired` may still be there."""
    found: list[Finding] = []
    weights: dict[tuple[int | None, str], int] = {}
    for name, server in told.items():
        one = seen.get(name)
        if one is None:
            found.append(Finding(name, server, None, "is missing"))
            continue
        key = (server.weight, server.options)
        weight = weights.get(key)
        if weight is None:
            weight = weights[key] = _weight(server, facts)
        if (finding := _compare(server, one, weight)) is not None:
            found.append(finding)
    for name in seen.keys() - told.keys():
        if name not in retired:
            found.append(Finding(name, None, _as_server(name, seen[name]), "is not wanted"))
    return found


def _compare(server: Server, seen: Seen, weight: int) -> Finding | None:
    actual = server
    reason = ""
    # Texts first: they are equal nearly always. What is no address is a name, which HAProxy resolves.
    same = server.address == seen.address or not (told := canonical(server.address)) or told == canonical(seen.address)
    if not same or server.port != seen.port:
        actual = actual._replace(address=seen.address, port=seen.port)
        reason = f"is at {seen.address}:{seen.port} instead of {server.address}:{server.port}"
    if server.id != seen.id:
        actual, reason = actual._replace(id=seen.id), f"has the id {seen.id} instead of {server.id}"
    # Of one that drains it means nothing, and not every backend lets it be changed.
    if weight != seen.weight and server.state is not State.DRAIN:
        actual, reason = actual._replace(weight=seen.weight), f"has the weight {seen.weight} instead of {weight}"
    state = _state(seen)
    if state is not server.state:
        actual, reason = actual._replace(state=state), f"is in the state {state} instead of {server.state}"
    return Finding(server.name, server, actual, reason) if reason else None


def _as_server(name: str, seen: Seen) -> Server:
    return Server(name, seen.address, seen.port, seen.id, weight=min(seen.weight, 256), state=_state(seen))


def _state(seen: Seen) -> State:
    if seen.admin & _MAINTENANCE:
        return State.MAINT
    return State.DRAIN if seen.admin & _DRAIN else State.READY


def _weight(server: Server, facts: BackendFacts) -> int:
    """The last `weight` in the line counts."""
    words = options_of(server, facts.options).split()
    return next((int(words[at + 1]) for at in range(len(words) - 2, -1, -1) if words[at] == "weight"), 1)
