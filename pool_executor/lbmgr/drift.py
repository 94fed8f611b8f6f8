"""Whether HAProxy's own list of servers is what its configuration says. Pure.

Knows the answer to `show servers state`. Does not know how a difference came about: an order may have been carried out
by half, or somebody else gave one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pool_executor.bundle import Server, split_servers
from pool_executor.lbmgr.content import Content, ServerRef
from pool_executor.lbmgr.instance import RELAYS, SERVING
from sdk.net.address import canonical

_FORCED_MAINTENANCE = 1
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server as HAProxy lists it; `maintenance` when an order, not a check, took it out."""

    address: str
    port: int
    maintenance: bool


def parse_state(text: str) -> Mapping[ServerRef, RunningServer]:
    """The servers in an answer to `show servers state`; lines of another form are left out."""
    columns: dict[str, int] = {}
    found: dict[ServerRef, RunningServer] = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("#"):
            # "# be_id be_name ...": newer releases add columns at the end, none has moved one yet.
            columns = {name: at for at, name in enumerate(words[1:])}
            continue
        try:
            backend, name, address, admin, port = (words[columns[column]] for column in _COLUMNS)
            state = RunningServer(address=address, port=int(port), maintenance=bool(int(admin) & _FORCED_MAINTENANCE))
        except (KeyError, IndexError, ValueError):
            continue
        found[ServerRef(backend, name)] = state
    return found


_COLUMNS = ("be_name", "srv_name", "srv_addr", "srv_admin_state", "srv_port")


def differences(content: Content, running: Mapping[ServerRef, RunningServer], retired: Collection[ServerRef]) -> str:
    """What is not as in `content`, as a phrase; empty when all is. `retired` servers may still be there."""
    wanted = _servers(content)
    found = [f"{ref} is missing" for ref in sorted(wanted.keys() - running.keys())]
    found += [
        f"{ref} is not wanted"
        for ref in sorted(running.keys() - wanted.keys())
        if ref not in retired and str(ref) != SERVING and not ref.backend.startswith(RELAYS)
    ]
    for ref, server in sorted(wanted.items()):
        if (state := running.get(ref)) is None:
            continue
        # A name is resolved by HAProxy.
        if (address := canonical(server.address)) and (address, server.port) != (canonical(state.address), state.port):
            found.append(f"{ref} is at {state.address}:{state.port} instead of {server.address}:{server.port}")
        if state.maintenance and "disabled" not in server.words:
            found.append(f"{ref} is in maintenance")
    more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    return "; ".join(found[:_MOST_TOLD]) + more


def _servers(content: Content) -> dict[ServerRef, Server]:
    return {
        ServerRef(section.name, server.name): server
        for text in content.parts.values()
        if text.part.kind == "config"
        for section in split_servers(text.text)
        if section.kind in ("backend", "listen")
        for server in section.servers
    }
