"""The way of one server of the running HAProxy to what it shall be: orders at run time, or why it takes a reload. Pure.

Knows what HAProxy 2.6 takes at run time. Does not know who asks, nor what became of the orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pool_executor.contract import BackendFacts, Server, State, host_and_port, options_of
from pool_executor.lbmgr.haproxy.orders import Capabilities
from pool_executor.lbmgr.structure.content import ServerRef
from sdk.net.address import is_address

_NO_PORT = 1

Kind = Literal["added", "removed", "moved", "changed"]


@dataclass(frozen=True, slots=True)
class Orders:
    """Lines to send in this order. What takes a server out of use goes before everything else."""

    kind: Kind
    lines: tuple[str, ...]
    then: tuple[str, ...] = ()
    """Lines to send when HAProxy has taken all of the others: until then they would mean what was there before."""
    takes_out: bool = False


@dataclass(frozen=True, slots=True)
class NeedsReload:
    """Why it cannot be done at run time."""

    reason: str


def way(
    ref: ServerRef,
    facts: BackendFacts,
    capabilities: Capabilities,
    have: Server | None,
    wanted: Server | None,
    leftover: Server | None,
) -> Orders | NeedsReload | None:
    """From `have` to `wanted`; None when nothing is to be said.

    `leftover` is a server of that name that was removed and is in maintenance until it can be deleted.
    """
    if wanted is None:
        return None if have is None else Orders("removed", (f"set server {ref} state maint",), takes_out=True)
    if have is None:
        return _add(ref, facts, capabilities, wanted, leftover)
    return _change(ref, facts, have, wanted)


def _add(
    ref: ServerRef, facts: BackendFacts, capabilities: Capabilities, server: Server, leftover: Server | None
) -> Orders | NeedsReload:
    words = options_of(server, facts.options)
    start = _start(ref, server, words)
    if leftover is not None and (same := _revive(ref, facts, leftover, server)) is not None:
        return Orders("added", same, then=start)
    if not facts.takes_servers:
        return NeedsReload(f"server {ref} is new and its backend's balance takes no server at run time")
    if not is_address(server.address):
        return NeedsReload(
            f"server {ref} is new and its address {server.address} is a name, which only the file resolves"
        )
    if (unknown := _unknown(words, capabilities)) is not None:
        version = capabilities.version
        return NeedsReload(f"server {ref} is new and HAProxy {version} does not take the option {unknown} at run time")
    add = _added(ref, facts, server, words)
    if leftover is not None:
        # It takes the place of another one of that name, as soon as that has no connections left.
        return Orders("added", (f"del server {ref}", *add), then=start)
    if facts.dynamic_cookie:
        return Orders("added", add, then=start)
    return Orders("added", (*add, *start))


def _added(ref: ServerRef, facts: BackendFacts, server: Server, words: str) -> tuple[str, ...]:
    if not facts.dynamic_cookie:
        return (f"add server {ref} {host_and_port(server)} id {server.id} {words}".rstrip(),)
    # HAProxy 2.6 gives a new server no cookie, but whenever its address changes. `enable dynamic-cookie` would do it,
    # too, but compares all servers of the backend with each other: with 10,000 of them HAProxy stands still for 0.9 s.
    elsewhere = server._replace(port=_NO_PORT if server.port != _NO_PORT else _NO_PORT + 1)
    add = f"add server {ref} {host_and_port(elsewhere)} id {server.id} {words}".rstrip()
    return (add, f"set server {ref} addr {server.address} port {server.port}")


def _revive(ref: ServerRef, facts: BackendFacts, leftover: Server, wanted: Server) -> tuple[str, ...] | None:
    """The lines that make of a server in maintenance another one; None when it has to be deleted first."""
    if leftover.state is State.DRAIN and not facts.takes_servers:
        return None  # the file may have drained it, with a weight that cannot be changed
    found = _change(ref, facts, leftover._replace(state=State.MAINT), wanted._replace(state=State.MAINT))
    return found.lines if isinstance(found, Orders) else None


def _change(ref: ServerRef, facts: BackendFacts, have: Server, wanted: Server) -> Orders | NeedsReload:
    if have.id != wanted.id:
        return NeedsReload(f"server {ref} has another id")
    if have.options != wanted.options and _words(have, facts) != _words(wanted, facts):
        return NeedsReload(f"server {ref} has other options")
    lines: list[str] = []
    then: list[str] = []
    moved = (have.address, have.port) != (wanted.address, wanted.port)
    if have.state != wanted.state:
        if have.state is State.DRAIN and not facts.takes_servers:
            return NeedsReload(f"server {ref} is used again and its backend's balance changes no weight at run time")
        # Where it was it may not be used any more, should HAProxy not take where it is.
        (then if moved and wanted.state is State.READY else lines).append(f"set server {ref} state {wanted.state}")
    if moved:
        if not (is_address(have.address) and is_address(wanted.address)):
            return NeedsReload(f"server {ref} changes its address and a name is involved")
        lines.insert(0, f"set server {ref} addr {wanted.address} port {wanted.port}")
    if have.weight != wanted.weight:
        if facts.takes_servers:
            lines.append(f"set server {ref} weight {_weight(wanted, facts)}")
        elif wanted.state is not State.DRAIN:
            return NeedsReload(f"server {ref} has another weight and its backend's balance changes none at run time")
    # No lines: another task in the same place, or other words for the same options.
    takes_out = wanted.state is not State.READY or wanted.weight == 0
    return Orders("moved" if moved else "changed", tuple(lines), tuple(then), takes_out)


def _start(ref: ServerRef, server: Server, words: str) -> tuple[str, ...]:
    found = words.split()
    lines = []
    if "check" in found:
        lines.append(f"enable health {ref}")
    if "agent-check" in found:
        lines.append(f"enable agent {ref}")
    if server.state is not State.MAINT:
        lines.append(f"set server {ref} state {server.state}")
    return tuple(lines)


def _words(server: Server, facts: BackendFacts) -> str:
    return options_of(server._replace(weight=None), facts.options)


def _weight(server: Server, facts: BackendFacts) -> str:
    if server.weight is not None:
        return str(server.weight)
    words = _words(server, facts).split()
    return words[words.index("weight") + 1] if "weight" in words[:-1] else "1"


def _unknown(words: str, capabilities: Capabilities) -> str | None:
    left = words.split()
    options: Mapping[str, int] = capabilities.server_options
    while left:
        word = left.pop(0)
        arguments = options.get(word)
        if arguments is None:
            return word
        del left[:arguments]
    return None
