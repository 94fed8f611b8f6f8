"""The path of cookies that servers set, as clients of a backend that rewrites paths see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.pools.model.rewrite import RewriteHttp, RewritePath, RewriteResponse
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

#: fromPath, toPath, what the server says, what the client sees.
COOKIES = (
    ("/nginx", "", "a=b; Path=/", "a=b; Path=/nginx"),
    ("/nginx", "/", "a=b; Path=/x; HttpOnly", "a=b; Path=/nginx/x; HttpOnly"),
    ("/nginx/", "/", "a=b; path=/; Secure", "a=b; path=/nginx; Secure"),
    ("/nginx", "", "a=b", "a=b"),
    ("/nginx", "", "a=b; Path=", "a=b; Path="),
    ("/nginx", "", "a=b; Path=/nginx", "a=b; Path=/nginx/nginx"),
    ("/a", "/sub", "a=b; HttpOnly;PATH=/sub", "a=b; HttpOnly;PATH=/a"),
    ("/a", "/sub", "a=b; Path=/sub/; Secure", "a=b; Path=/a/; Secure"),
    ("/a", "/sub", "a=b; Path=/sub/x", "a=b; Path=/a/x"),
    ("/a", "/sub", "a=b; Path=/subx", "a=b; Path=/subx"),
    ("/a", "/sub", "a=b; Path=/", "a=b; Path=/"),
    ("/", "/sub", "a=b; Path=/sub", "a=b; Path=/"),
    ("/", "/sub", "a=b; Path=/sub/", "a=b; Path=/"),
    ("/", "/sub", "a=b; Path=/sub/sub; Secure", "a=b; Path=/sub; Secure"),
    ("/a.b", "/100%", "a=b; Path=/100%/x", "a=b; Path=/a.b/x"),
    ("/100%", "/a.b", "a=b; Path=/aXb", "a=b; Path=/aXb"),
    ("/100%", "/a.b", "a=b; Path=/a.b", "a=b; Path=/100%"),
)
SHAPES = list(dict.fromkeys(row[:2] for row in COOKIES))


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    """Its servers set the cookie that clients wish for."""
    directory: Path = tmp_path_factory.mktemp("haproxy")

    def rewrite(shape: tuple[str, str], on: bool) -> RewriteHttp:
        path = RewritePath(from_path=shape[0], to_path=shape[1])
        return RewriteHttp(path=path, response=RewriteResponse(rewrite_cookie_path=on))

    backends = [backend(f"b{at}", rewrite_http=rewrite(shape, True)) for at, shape in enumerate(SHAPES)]
    backends.append(backend("boff", rewrite_http=rewrite(("/nginx", ""), False)))
    shape = pool("web", *(frontend(f"f{one.name[1:]}", one.name) for one in backends), *backends)
    answer = "status 200 content-type text/plain hdr Set-Cookie %[req.hdr(x-wish)] string x"
    made = Haproxy(directory, shape, answer=answer, binary=request.param)
    yield made
    made.stop()


def test_cookies_belong_to_the_paths_that_clients_know(haproxy: Haproxy) -> None:
    """Whole segments of them, in either case, whatever else the cookie says."""
    wrong = []
    for from_path, to_path, said, seen in COOKIES:
        at = SHAPES.index((from_path, to_path))
        found = haproxy.ask(f"f{at}", "/", headers={"X-Wish": said}).headers["set-cookie"]
        if found != seen:
            wrong.append((from_path, to_path, said, seen, found))
    assert wrong == []


def test_it_has_to_be_asked_for(haproxy: Haproxy) -> None:
    """Many servers know what their clients see."""
    assert haproxy.ask("foff", "/", headers={"X-Wish": "a=b; Path=/"}).headers["set-cookie"] == "a=b; Path=/"
