"""Why HAProxy could not, or must not, listen where a structure wants it to; asked before it is let try.

Knows the ports of an instance, what its network namespace says of them, and where HAProxy failed to listen. Does not
know what follows.
"""

import re
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from pool_executor.lbmgr.structure import ports as port_check
from pool_executor.lbmgr.structure.content import Content

# "Binding [20-web.cfg:2] for frontend web: cannot bind socket (Address already in use) for [0.0.0.0:80]"
_UNBOUND = re.compile(r"Binding \[(?:[^\]\s]*/)?(?P<file>[^\]/\s]+):[0-9]+\] for \S+ \S+: (?P<why>[^;]*)")
# A HAProxy that cannot listen makes the one that serves pause: each time that it failed doubles the time until it is
# let try again.
_FIRST, _MOST = 60.0, 600.0


class Obstacles:
    """Of one instance: its ports by name, and the bind addresses of those that have one."""

    def __init__(self, ports: Mapping[str, int], binds: Mapping[str, str]) -> None:
        self._ports = ports
        self._binds = binds
        self._failed: dict[str, tuple[str, float, float]] = {}
        """By sha256 of a part: what HAProxy said of it, when it may try again, and how long it waited for that."""

    def first(self, content: Content, present: Content | None) -> str | None:
        """The first obstacle to what stands in no part of its own; `present` is what HAProxy serves now, None: dead."""
        rest = Content(parts={name: text for name, text in content.parts.items() if not text.part.listener})
        return next(self._found(rest, _Present(self, present)), None)

    def of_listeners(self, content: Content, present: Content | None) -> Mapping[str, str]:
        """What each listener lacks that stands in a part of its own and cannot listen, in words, by part."""
        before, now = _Present(self, present), time.monotonic()
        found = {}
        for name, text in content.parts.items():
            if not text.part.listener or (present is not None and present.parts.get(name) == text):
                continue
            why = next(self._found(Content(parts={name: text}), before), None)
            said, until, _ = self._failed.get(text.part.sha256, ("", 0.0, 0.0))
            if why is not None:
                found[name] = why
            elif now < until:
                found[name] = f"a place to listen, of which HAProxy says: {said}"
        return found

    def served(self, content: Content) -> None:
        """HAProxy listens for these: what it said of them earlier is over."""
        for text in content.parts.values():
            self._failed.pop(text.part.sha256, None)

    def failed(self, content: Content, complaint: str) -> bool:
        """HAProxy said this when it failed; whether there are listeners without which it can be tried again."""
        now = time.monotonic()
        # What nobody has tried again for so long is of a structure that is gone.
        self._failed = {sha256: one for sha256, one in self._failed.items() if now < one[1] + _MOST}
        found = {match["file"]: match["why"].strip() for match in _UNBOUND.finditer(complaint)}
        blamed = {text.part.sha256: why for name, why in found.items() if (text := content.parts.get(name))}
        listeners = {text.part.sha256 for text in content.parts.values() if text.part.listener}
        for sha256 in blamed.keys() & listeners:
            waited = self._failed.get(sha256, ("", 0.0, 0.0))[2]
            wait = min(max(_FIRST, waited * 2), _MOST)
            self._failed[sha256] = blamed[sha256], now + wait, wait
        return bool(blamed) and blamed.keys() <= listeners

    def _found(self, content: Content, before: "_Present") -> Iterator[str]:
        listens = self.listens(content)
        wanted = [name for name in content.ports.values() if name in self._ports and name not in before.ports]
        if wanted:
            ports = {name: self._ports[name] for name in wanted}
            binds = {name: address.strip("[]") for (address, _), name in listens.items()} | dict(self._binds)
            for name, port, listener in port_check.taken(ports, binds, before.listeners):
                # HAProxy would share it silently.
                yield f"port {port} ({name}), which already has a listener on {listener.address}"
        for (address, port), name in sorted(listens.items()):
            refused = port_check.refusal(address, port) if (address, port) not in before.places else None
            if refused is not None:
                yield f"{address}:{port} ({name}), where it cannot listen: {refused}"

    def place_of(self, port: str, content: Content) -> port_check.Place | None:
        """Where somebody on this machine finds who listens at the port of that name; None when nobody does."""
        found = (place for place, name in self.listens(content).items() if name == port)
        return next(((port_check.within_reach(address), number) for address, number in found), None)

    def listens(self, content: Content) -> dict[port_check.Place, str]:
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


class _Present:
    """Who listens now, looked up when somebody asks: HAProxy with `content`, and everybody."""

    def __init__(self, obstacles: Obstacles, content: Content | None) -> None:
        self._obstacles = obstacles
        self._content = content

    @cached_property
    def ports(self) -> Collection[str]:
        """The names of the ports at which HAProxy listens."""
        return set(self._content.ports.values()) if self._content is not None else set()

    @cached_property
    def places(self) -> Collection[port_check.Place]:
        """The addresses and ports at which HAProxy listens."""
        return self._obstacles.listens(self._content).keys() if self._content is not None else ()

    @cached_property
    def listeners(self) -> frozenset[port_check.Listener]:
        """All of this network namespace."""
        return port_check.listeners()
