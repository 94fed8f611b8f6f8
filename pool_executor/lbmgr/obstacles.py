"""Why HAProxy could not, or must not, listen where a bundle wants it to; asked before it is let try.

Knows the ports of an instance and what its network namespace says of them. Does not know what follows.
"""

from collections.abc import Mapping

from pool_executor.lbmgr import ports as port_check
from pool_executor.lbmgr.content import Content


class Obstacles:
    """Of one instance: its ports by name, and the bind addresses of those that have one."""

    def __init__(self, ports: Mapping[str, int], binds: Mapping[str, str]) -> None:
        self._ports = ports
        self._binds = binds

    def first(self, content: Content, present: Content | None) -> str | None:
        """The sentence about the first obstacle to `content`; `present` is what HAProxy serves now, None when dead."""
        return self.clash(content, present) or self._unbindable(content, present)

    def clash(self, content: Content, present: Content | None) -> str | None:
        """The sentence when a port that HAProxy would newly bind has a listener."""
        ours = set(present.ports.values()) if present is not None else set()
        ports = {name: self._ports[name] for name in content.ports.values() if name not in ours}
        if not ports:
            return None
        clashes = port_check.taken(ports, self._binds, port_check.listeners())
        if not clashes:
            return None
        name, port, listener = clashes[0]
        return (
            f"port {port} ({name}) already has a listener on {listener.address}; "
            f"HAProxy would share it silently, so it is not started there"
        )

    def _unbindable(self, content: Content, present: Content | None) -> str | None:
        """The sentence when HAProxy could not listen at an address at which it does not listen yet."""
        before = self._listens(present) if present is not None else {}
        for (address, port), name in sorted(self._listens(content).items()):
            refused = port_check.refusal(address, port) if (address, port) not in before else None
            if refused is not None:
                return f"cannot listen at {address}:{port} ({name}): {refused}"
        return None

    def _listens(self, content: Content) -> dict[tuple[str, int], str]:
        """Address and port of every listener with the port's name; what uses other variables is left to HAProxy."""
        found: dict[tuple[str, int], str] = {}
        for text in content.parts.values():
            if text.part.kind == "config":
                for address, port in port_check.binds(text.text):
                    name = content.ports.get(port, port)
                    number = int(port) if port.isdigit() else self._ports.get(name)
                    if number is not None:
                        found[address, number] = name
        return found
