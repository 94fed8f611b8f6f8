"""Cookies of sticky backends on a real HAProxy: which words it takes, and that clients stay."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from api.dcos_template.rendering.build.sticky import usual_name
from scheduler.pools.model import Sticky
from scheduler.pools.model.rewrite import RewriteHttp
from scheduler.pools.words.cookie_words import cookie_problem
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

_WORDS = (
    "",
    "indirect nocache",
    "postonly preserve",
    "httponly secure",
    "dynamic",
    "domain .a.test domain b.test",
    "maxidle 99999999s maxlife 9999d",
    "maxidle 999999m maxlife 99999h",
    "attr SameSite=None attr Partitioned",
)
TEXTS = [
    text
    for mode, more in product(("insert", "rewrite", "prefix"), _WORDS)
    if cookie_problem(text := f"SRV {mode} {more}") is None
]


def sticky(custom_str: str = "") -> RewriteHttp:
    return RewriteHttp(sticky=Sticky(enabled=True, custom_str=custom_str))


SHAPE = pool(
    "web",
    frontend("web", "app"),
    frontend("own", "own"),
    backend("app", rewrite_http=sticky()),
    backend("own", rewrite_http=sticky("SRV insert maxidle 1h")),
    *(backend(f"b{number}", rewrite_http=sticky(text)) for number, text in enumerate(TEXTS)),
)


@pytest.fixture(params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Haproxy]:
    """It has read all of the texts."""
    made = Haproxy(tmp_path, SHAPE, binary=request.param)
    yield made
    made.stop()


def test_haproxy_takes_what_is_accepted_and_clients_get_a_cookie(haproxy: Haproxy, tmp_path: Path) -> None:
    """Without a word of it; the usual cookie is no script's business."""
    assert "30-backends" not in (tmp_path / "log").read_text()
    name, _, rest = haproxy.ask("web", "/").headers["set-cookie"].partition("=")
    assert name == usual_name("app")
    value, _, rest = rest.partition(";")
    assert value
    assert rest == " path=/; HttpOnly"
    assert haproxy.ask("own", "/").headers["set-cookie"].startswith("SRV=")
    answer = haproxy.ask("web", "/", headers={"Cookie": f"{name}={value}"})
    assert "set-cookie" not in answer.headers
