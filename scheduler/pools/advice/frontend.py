"""What a frontend says of requests and probably does not mean. Pure.

Knows what it answers by itself. Does not know rules that find a backend (shadowed.py). Sentences, each with its field.
"""

from collections.abc import Iterator, Sequence

from scheduler.pools.model import Frontend, Protocol
from scheduler.pools.model.redirect import Redirect


def frontend_sentences(path: str, frontend: Frontend) -> Iterator[str]:
    """About the frontend at `path`."""
    link, https = frontend.link_backend, frontend.redirect_to_https
    if https is not None and not https.except_:
        for name, said in (("redirects", frontend.redirects), ("linkBackend", link.default_backend or link.map)):
            if said:
                yield f"{path}.{name} has no effect: redirectToHttps answers every request"
    else:
        for number, earlier in _unreached(frontend.redirects):
            yield f"{path}.redirects[{number}] answers nothing, because redirects[{earlier}] answers all of it"
    if frontend.basic_auth is not None and frontend.protocol is Protocol.HTTP and https is None:
        yield f"{path}.basicAuth: without TLS passwords can be read on the way; make it protocol HTTPS"


def _unreached(redirects: Sequence[Redirect]) -> Iterator[tuple[int, int]]:
    for number, one in enumerate(redirects):
        earlier = next((at for at in range(number) if _takes(redirects[at], one)), None)
        if earlier is not None:
            yield number, earlier


def _takes(earlier: Redirect, one: Redirect) -> bool:
    """Whether the earlier one answers whatever this one could."""
    begin = one.path_eq or one.path_beg
    same_path = earlier.path_eq in ("", one.path_eq) and begin.startswith(earlier.path_beg)
    return same_path and earlier.host_eq in ("", one.host_eq)
