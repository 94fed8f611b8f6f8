"""The cookie by which clients stay with a server."""

import re
from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.words.cookie_words import cookie_problem

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """HAProxy makes its values of a server's address, its port and the key: they are the same in every instance."""

    backend: str
    words: str
    key: str

    def __post_init__(self) -> None:
        path, problem = f"backend {self.backend}: rewriteHttp.sticky", cookie_problem(self.words)
        require(problem is None, path, f"{self.words!r} {problem}")
        # Without a good key somebody could lead others to a server of his choice.
        rule = "has no key of which cookies could be made; store the pool again"
        require(_KEY.fullmatch(self.key) is not None, path, rule)
