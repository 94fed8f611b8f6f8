"""What the fields of frontends do, on a real HAProxy."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.model import Frontend, LinkBackend, MapRule
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, pool

pytestmark = pytest.mark.integration

#: Frontends of one pool; each leads to the backend `app` where nothing else is said.
FRONTENDS: Mapping[str, Frontend] = {
    "raw": Frontend(
        name="raw",
        misc_strs=(
            "http-request deny deny_status 410 if { path_beg '/tea pot' } or { path /teapot }",
            "use_backend other if { hdr(x-canary) -m found }",
            "http-request set-path /other if { path /moved }",
            "http-response set-header X-Raw 'a # $b'",
        ),
        link_backend=LinkBackend(map=(MapRule(backend="other", path_beg="/other"),)),
    ),
}
#: A server that says which backend it is of and what it was asked for.
ECHO = 'status 200 content-type text/plain lf-string "%f %[pathq]"'


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory: Path = tmp_path_factory.mktemp("haproxy")
    frontends = [
        replace(one, link_backend=replace(one.link_backend, default_backend="app")) for one in FRONTENDS.values()
    ]
    shape = pool("web", *frontends, backend("app"), backend("other"))
    made = Haproxy(directory, shape, answer=ECHO, binary=request.param)
    yield made
    made.stop()


def test_lines_in_haproxys_words_are_done_before_a_backend_is_looked_for(haproxy: Haproxy) -> None:
    """And backends that they choose come before those of the rules."""
    assert haproxy.get("raw", "/")[1] == "answer-app /"
    assert haproxy.get("raw", "/teapot")[0] == 410
    assert haproxy.get("raw", "/moved")[1] == "answer-other /other"
    answer = haproxy.ask("raw", "/", headers={"X-Canary": "1"})
    assert (answer.body, answer.headers["x-raw"]) == ("answer-other /", "a # $b")
