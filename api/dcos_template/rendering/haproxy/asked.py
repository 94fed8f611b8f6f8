"""What is asked of a header or a cookie, under a name by which rules call for it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.raw import printed
from scheduler.pools.words import asked_texts

_ACL = re.compile(r"edgelb_asked_[0-9]{1,7}_[0-9]{1,3}")
_EXPRESSION = re.compile(r"[!-&(-~]{1,8192}")


class Where(StrEnum):
    """How HAProxy is told where to look: at each line of a header as a whole, at each cookie."""

    HEADER = "req.fhdr"
    COOKIE = "req.cook"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAcl:
    """It is there, and says `value`, or `expression`, which is in plain words, is found in it."""

    acl: str
    where: Where
    name: str
    value: str = ""
    expression: str = ""

    def __post_init__(self) -> None:
        header = self.where is Where.HEADER
        path, name, value = (
            (self.acl, asked_texts.header, asked_texts.header_value)
            if header
            else (self.acl, asked_texts.cookie, asked_texts.cookie_value)
        )
        require(_ACL.fullmatch(self.acl) is not None, path, "is not the name of what a rule asks for")
        require(name(self.name) is None, path, f"{self.name!r} is no name to ask for")
        require(not self.value or value(self.value) is None, path, f"{self.value!r:.80} is no value to ask for")
        plain = not self.expression or _EXPRESSION.fullmatch(self.expression) is not None
        require(plain, path, f"{self.expression!r:.80} is not an expression in plain words")

    @property
    def words(self) -> str:
        """What stands behind its name."""
        found = [f"{self.where.value}({self.name})", "-m"]
        if self.value:
            return printed([*found, "str", "--", self.value])
        if self.expression:
            return f"{printed([*found, 'reg', '--'])} '{self.expression}'"
        return printed([*found, "found"])
