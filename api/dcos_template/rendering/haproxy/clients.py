"""Who may be a client of a listener or backend, and how its address is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from sdk.net.network import network_problem

_ON_A_LINE = 40
"""HAProxy takes 64 words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Some networks; a client in any of them is in it."""

    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.texts:
            require(network_problem(text) is None, "network", f"{text!r} is no network")

    @property
    def lines(self) -> Iterator[Sequence[str]]:
        """As many as fit on a line each."""
        for at in range(0, len(self.texts), _ON_A_LINE):
            yield self.texts[at : at + _ON_A_LINE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Whom a listener serves."""

    allow: Networks = Networks()
    deny: Networks = Networks()
    proxies: Networks = Networks()
    """Whose connections begin with a header of the PROXY protocol."""

    @property
    def refuses(self) -> str:
        """The condition under which a client is turned away; empty where nobody is."""
        found = ["edgelb_denied"] if self.deny.texts else []
        return " or ".join([*found, "!edgelb_allowed"] if self.allow.texts else found)
