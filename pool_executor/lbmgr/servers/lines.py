"""The lines of servers in files, kept from one time that files are made to the next. Pure.

Of tens of thousands of servers few are others when a structure comes; making the lines of all takes longer than
everything else that is done with a structure before HAProxy is asked.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pool_executor.contract import BackendFacts, Server, server_line


class _Made(NamedTuple):
    options: Mapping[str, str]
    servers: Mapping[str, Server]
    text: str


class Lines:
    """Of the backends that were asked for. One thread uses it."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}

    def of(self, facts: BackendFacts, servers: Mapping[str, Server]) -> Iterator[str]:
        """The lines of a backend's servers in the order of their names, several of them together.

        `servers` must not be changed afterwards.
        """
        made = self._made.get(facts.backend)
        if made is None or made.servers != servers or made.options != facts.options:
            text = "\n".join(server_line(servers[name], facts.options) for name in sorted(servers))
            made = self._made[facts.backend] = _Made(facts.options, servers, text)
        if made.text:
            yield made.text

    def keep(self, backends: Collection[str]) -> None:
        """Forget all other backends."""
        self._made = {name: made for name, made in self._made.items() if name in backends}
