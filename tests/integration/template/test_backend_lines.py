"""Lines of backends in HAProxy's own words, on a real HAProxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

#: A server that says what it was told.
ECHO = 'status 200 content-type text/plain lf-string "%[req.hdr(x-told)]"'
SHAPE = pool(
    "web",
    frontend("told", "told"),
    frontend("denied", "denied"),
    frontend("plain", "plain"),
    backend(
        "told",
        # Neither the quotes, nor the backslash, the comment's sign or the variable end the word.
        misc_strs=(r"""http-request set-header X-Told 'a "b" \n # $HOME' # a comment""",),
    ),
    backend("denied", misc_strs=("acl none path_beg /none", "http-request deny deny_status 429 if none")),
    backend("plain"),
    # Balances by its own hash, which takes no servers at run time.
    backend("static", balance="source", misc_strs=("hash-type map-based",)),
)


@pytest.fixture(params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Haproxy]:
    made = Haproxy(tmp_path, SHAPE, answer=ECHO, binary=request.param)
    yield made
    made.stop()


def test_the_lines_of_a_backend_hold_for_it_alone(haproxy: Haproxy) -> None:
    """Each is the one line that was written, whatever stands in it."""
    assert haproxy.get("told", "/none") == (200, r'a "b" \n # $HOME')
    assert [haproxy.get("denied", path)[0] for path in ("/none/x", "/x")] == [429, 200]
    assert haproxy.get("plain", "/none") == (200, "")
