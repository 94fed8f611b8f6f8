"""The files that HAProxy reads: a structure's texts with the lines of servers below their markers. Pure.

Knows which line stands for which server, so that HAProxy's complaint about a line names the server.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from pool_executor.contract import (
    KINDS,
    BackendFacts,
    Server,
    Servers,
    State,
    compose,
    parse_marker,
    sample_lines,
    server_line,
)
from pool_executor.lbmgr.servers.lines import Lines
from pool_executor.lbmgr.structure.content import Content, ServerRef

# "parsing [30-backends-0a.cfg:12] : ..." of HAProxy 2.6 and 2.8.
_PLACE = re.compile(r"\[(?:[^\]\s]*/)?(?P<file>[^\]/\s]+):(?P<line>[0-9]+)\]\s*:?\s*(?P<why>[^;]*)")
# Complaints that come after reading name the server: "'server app/web-1' : ...".
_NAMED = re.compile(r"server '?(?P<backend>[A-Za-z0-9_.:-]+)/(?P<name>[A-Za-z0-9_.:-]+)'?\s*:?\s*(?P<why>[^;]*)")


class Composition:
    """What `content` and `servers`, without those of `left_out`, make; `lines` may know lines from the last time."""

    def __init__(
        self, content: Content, servers: Servers, left_out: Collection[ServerRef] = (), lines: Lines | None = None
    ) -> None:
        self._content = content
        self._all = servers
        self._known = lines if lines is not None else Lines()
        self._left_out = frozenset(left_out)
        self._concerned = {ref.backend for ref in self._left_out}

    def without(self, gone: Collection[ServerRef]) -> "Composition":
        """The same without these servers, too."""
        return Composition(self._content, self._all, self._left_out | frozenset(gone), self._known)

    def texts_with(self, backends: Collection[str]) -> Mapping[str, str]:
        """The text of each file that has one of these backends."""
        return {
            name: compose(text.text, self._lines)
            for name, text in self._content.parts.items()
            if any(facts.backend in backends for facts in text.backends)
        }

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The text of each file by name."""
        return {
            name: compose(text.text, self._lines) if KINDS[text.part.kind].has_servers else text.text
            for name, text in self._content.parts.items()
        }

    @property
    def specimen(self) -> str:
        """Everything that HAProxy reads, in one text: below each marker one server of each kind stands for all."""
        configs = [text for _, text in sorted(self._content.parts.items()) if KINDS[text.part.kind].has_servers]
        return "\n".join(compose(text.text, sample_lines) for text in configs)

    @cached_property
    def servers(self) -> dict[str, dict[str, Server]]:
        """What HAProxy has when it has read the files.

        One that drains stands there with a weight of 0, which is another thing than draining as soon as it is changed.
        """
        return {
            backend: {server.name: _as_read(server) for server in found}
            for backend in self._content.backends
            if (found := self._of(backend))
        }

    def __contains__(self, ref: ServerRef) -> bool:
        return ref.name in self._all.get(ref.backend, {}) and ref not in self._left_out

    def wanted(self, ref: ServerRef) -> Server:
        """The server as it shall be."""
        return self._all[ref.backend][ref.name]

    def blamed(self, complaint: str) -> Mapping[ServerRef, str]:
        """The servers whose lines HAProxy complains about, with what it says."""
        found: dict[ServerRef, str] = {}
        for match in _PLACE.finditer(complaint):
            ref = self._at(match["file"], int(match["line"]))
            if ref is not None:
                found.setdefault(ref, match["why"].strip())
        for match in _NAMED.finditer(complaint):
            ref = ServerRef(match["backend"], match["name"])
            if ref.backend in self._content.backends and ref in self:
                found.setdefault(ref, match["why"].strip())
        return found

    def published(self, complaint: str) -> str:
        """HAProxy's complaint with the lines as they are published: a server's is that of its marker."""

        def place(match: re.Match[str]) -> str:
            file, line = match["file"], int(match["line"])
            return match[0].replace(f"{file}:{line}]", f"{file}:{self._published_line(file, line)}]")

        return _PLACE.sub(place, complaint)

    def _published_line(self, file: str, line: int) -> int:
        text, read = self._content.parts.get(file), 0
        for number, published in enumerate(text.text.split("\n") if text is not None else (), 1):
            facts = parse_marker(published)
            read += 1 + (len(self._of(facts.backend)) if facts is not None else 0)
            if line <= read:
                return number
        return line

    def _at(self, file: str, number: int) -> ServerRef | None:
        text = self._content.parts.get(file)
        if text is None or not KINDS[text.part.kind].has_servers:
            return None
        lines = self.texts[file].split("\n")
        # The marker above the line, and how far above: servers stand in their order below it.
        for back in range(1, number):
            line = lines[number - 1 - back] if number <= len(lines) else ""
            facts = parse_marker(line)
            if facts is not None:
                servers = self._of(facts.backend)
                return ServerRef(facts.backend, servers[back - 1].name) if back <= len(servers) else None
            if not line.startswith("    server "):
                return None
        return None

    def _lines(self, facts: BackendFacts) -> Iterator[str]:
        if facts.backend not in self._concerned:
            return self._known.of(facts, self._all.get(facts.backend, {}))
        return (server_line(server, facts.options) for server in self._of(facts.backend))

    def _of(self, backend: str) -> Sequence[Server]:
        servers = self._all.get(backend, {})
        found = [servers[name] for name in sorted(servers)]
        if backend in self._concerned:
            return [server for server in found if ServerRef(backend, server.name) not in self._left_out]
        return found


def _as_read(server: Server) -> Server:
    return server._replace(state=State.READY, weight=0) if server.state is State.DRAIN else server
