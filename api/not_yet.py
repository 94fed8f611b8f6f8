"""Operations that DC/OS Edge-LB documents and that are not there yet: what is said of each. Pure."""

import re

_PARTS = ((r"/v2/pool-?templates(/.*)?", "pool templates", "create each pool at v2/pools"),)
_DOCUMENTED = tuple((re.compile(f"{pattern}/?", re.IGNORECASE), what, instead) for pattern, what, instead in _PARTS)


def not_there_yet(path: str) -> str | None:
    """The sentence about a documented path that is not served; None when nobody ever promised it."""
    for pattern, what, instead in _DOCUMENTED:
        if pattern.fullmatch(path):
            return f"{path[:200]} is of {what}, a part of DC/OS Edge-LB that is not there yet; {instead}"
    return None
