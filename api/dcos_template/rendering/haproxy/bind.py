"""Where a listener is, and what is said of how it listens."""

import re
from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from pool_executor.contract import Needs, port_variable
from sdk.net.address import canonical
from sdk.net.names import is_host

_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")
_WORD = re.compile(r"[A-Za-z0-9_.,:;=+*/@%!-]{1,1024}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """`port` is the name of the task port, whose number differs between instances."""

    address: str
    port: str
    words: tuple[str, ...] = ()
    """Its options, behind the address."""

    def __post_init__(self) -> None:
        sound = is_host(self.address) or (self.address != "" and canonical(self.address) == self.address)
        require(sound, "bind.address", f"{self.address!r} is neither an address nor a name")
        require(_VARIABLE.fullmatch(self.variable) is not None, "bind.port", f"{self.port!r} has no variable")
        for word in self.words:
            require(_WORD.fullmatch(word) is not None, "bind.words", f"{word!r} is no word of a bind line")

    @property
    def host(self) -> str:
        """The address as it stands before a port."""
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def variable(self) -> str:
        """What lbmgr sets to the number."""
        return port_variable(self.port)

    @property
    def needs(self) -> Needs:
        """What an instance must have to listen here."""
        return Needs(ports={self.variable: self.port})
