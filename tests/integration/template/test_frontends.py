"""What the fields of frontends do, on a real HAProxy."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.model import Frontend, LinkBackend, MapRule
from scheduler.pools.model.redirect import RedirectToHttps, StaysOnHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, pool

pytestmark = pytest.mark.integration

#: Frontends of one pool; each leads to the backend `app` where nothing else is said.
FRONTENDS: Mapping[str, Frontend] = {
    "https": Frontend(name="https", redirect_to_https=RedirectToHttps()),
    "https-some": Frontend(
        name="https-some",
        redirect_to_https=RedirectToHttps(
            except_=(StaysOnHttp(path_beg="/plain"), StaysOnHttp(host="a.test", path_beg="/a")), port=8443, code=308
        ),
    ),
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


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("a.test", "/x?y=%20z", "https://a.test/x?y=%20z"),
        ("A.Test:8080", "/", "https://a.test/"),
        ("[::1]:80", "//b.test/x", "https://[::1]//b.test/x"),
        ("a.test", "http://a.test/x", "https://a.test/x"),
    ],
)
def test_clients_are_sent_to_https_at_the_host_that_they_asked(
    haproxy: Haproxy, host: str, path: str, place: str
) -> None:
    """Without its port, and with path and query as they were."""
    answer = haproxy.ask("https", path, host)
    assert (answer.status, answer.headers["location"]) == (301, place)


@pytest.mark.parametrize("host", [None, "", "a.test/x", "a.test@b.test", "a.test:b", "a.test?", "a test", "a.test\\b"])
def test_nobody_is_sent_to_what_is_no_host(haproxy: Haproxy, host: str | None) -> None:
    """Whatever a client writes there."""
    assert haproxy.ask("https", "/", host).status == 400


def test_exceptions_of_the_redirect_meet_all_that_they_say(haproxy: Haproxy) -> None:
    """And everything else goes to the port and with the status of choice."""
    assert haproxy.get("https-some", "/plain/x", "b.test")[0] == 200
    assert haproxy.get("https-some", "/a", "A.test.:80")[0] == 200
    assert haproxy.get("https-some", "/a", "b.test")[0] == 308
    answer = haproxy.ask("https-some", "/", "a.test")
    assert (answer.status, answer.headers["location"]) == (308, "https://a.test:8443/")


def test_lines_in_haproxys_words_are_done_before_a_backend_is_looked_for(haproxy: Haproxy) -> None:
    """And backends that they choose come before those of the rules."""
    assert haproxy.get("raw", "/")[1] == "answer-app /"
    assert haproxy.get("raw", "/teapot")[0] == 410
    assert haproxy.get("raw", "/moved")[1] == "answer-other /other"
    answer = haproxy.ask("raw", "/", headers={"X-Canary": "1"})
    assert (answer.body, answer.headers["x-raw"]) == ("answer-other /", "a # $b")
