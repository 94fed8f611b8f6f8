"""Whatever a pool may say of its frontends, HAProxy takes it."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from scheduler.pools.model import Pool
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.sparse import read, written
from scheduler.pools.words.answers import ERROR_STATUSES
from tests.golden.test_haproxy_config import write
from tests.support.haproxies import BOTH

pytestmark = pytest.mark.integration

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)
ANY = st.text(min_size=1, max_size=40)
PATHS = st.text(st.sampled_from("abz019._~!&()*+,;=:@%/-"), max_size=20).map(lambda text: f"/{text}")
HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,10}[a-z0-9])?", fullmatch=True)
NETWORKS = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.0/8", "fd00::/8", "0.0.0.0/0", "::/0"])
CODES = st.sampled_from([301, 302, 303, 307, 308])
HEADERS = st.lists(
    st.fixed_dictionaries({"name": st.from_regex(r"X-[A-Za-z0-9_-]{1,10}", fullmatch=True), "value": PRINTABLE})
    | st.fixed_dictionaries({"name": st.just("X-Gone"), "action": st.just("REMOVE")}),
    max_size=3,
)
COUNTS = st.integers(0, 1 << 20)
SECONDS = st.floats(0.001, 2_000_000) | st.just(0)
HASHES = st.from_regex(r"\$[56]\$(rounds=[1-4][0-9]{3}\$)?[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{43,86}", fullmatch=True)
LINES = st.sampled_from(
    [
        "acl a path_beg '/a b'",
        "http-request deny if { hdr(x) -m found }",
        "http-response set-header X 'a\"b'",
        "tcp-request inspect-delay 1s",
        "timeout client 1h",
        "option http-ignore-probes",
        "use_backend app if { method POST }",
        'log-format "%ci %[src]"',
        r"http-request set-header X-A a\ \#b\\c",
    ]
)
#: Fields of frontends that see requests.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "clients": st.fixed_dictionaries(
        {}, optional={"allow": st.lists(NETWORKS, max_size=99), "deny": st.lists(NETWORKS, max_size=2)}
    ),
    "acceptProxy": st.fixed_dictionaries({"from": st.lists(NETWORKS, max_size=2)}),
    "redirectToHttps": st.fixed_dictionaries(
        {"port": st.integers(1, 65535), "code": CODES},
        optional={
            "except": st.lists(
                st.fixed_dictionaries({"host": HOSTS}, optional={"pathBeg": PATHS})
                | st.fixed_dictionaries({"pathBeg": PATHS}),
                max_size=3,
            )
        },
    ),
    "redirects": st.lists(
        st.fixed_dictionaries(
            {"location": st.tuples(HOSTS, PATHS).map(lambda parts: f"https://{parts[0]}{parts[1]}") | PATHS},
            optional={"hostEq": HOSTS, "pathEq": PATHS, "pathBeg": PATHS, "keepPath": st.booleans(), "code": CODES},
        ),
        max_size=3,
    ),
    "limits": st.fixed_dictionaries(
        {},
        optional={
            "connections": COUNTS,
            "connectionsPerClient": COUNTS,
            "requestBytes": COUNTS,
            "requestsPerClient": st.fixed_dictionaries({"count": COUNTS, "period": st.integers(1, 86400)}),
        },
    ),
    "timeouts": st.fixed_dictionaries(
        {}, optional={"client": SECONDS, "httpRequest": SECONDS, "httpKeepAlive": SECONDS}
    ),
    "basicAuth": st.fixed_dictionaries(
        {
            "users": st.lists(
                st.fixed_dictionaries(
                    {"name": st.from_regex(r"[A-Za-z0-9._@-]{1,9}", fullmatch=True), "passwordHash": HASHES}
                ),
                min_size=1,
                max_size=3,
                unique_by=lambda user: user["name"],
            )
        },
        optional={"realm": st.from_regex(r"[A-Za-z0-9 ._/-]{1,20}", fullmatch=True)},
    ),
    "requestHeaders": HEADERS,
    "responseHeaders": HEADERS,
    "compression": st.fixed_dictionaries({}, optional={"types": st.lists(st.just("text/*"), min_size=1, max_size=2)}),
    "errorPages": st.lists(
        st.fixed_dictionaries({"status": st.sampled_from(ERROR_STATUSES), "content": ANY}),
        max_size=3,
        unique_by=lambda page: page["status"],
    ),
    "miscStrs": st.lists(LINES, max_size=4),
    "bindModifier": st.sampled_from(["accept-proxy", "maxconn 5 tfo", "alpn h2,http/1.1", "mss 1400 nice -5"]),
    "bindAddress": st.sampled_from(["::", "fd00::1", "127.0.0.1", "0.0.0.0"]),
}
FRONTENDS = st.fixed_dictionaries({}, optional=FIELDS)


def taken(fields: dict[str, Any], number: int) -> dict[str, Any] | None:
    """The frontend, if it is one; what is refused is refused by its path."""
    one = {"name": f"f{number}", "bindPort": number + 1, **fields, "linkBackend": {"defaultBackend": "app"}}
    try:
        load_pool({"name": "web", "haproxy": {"frontends": [one], "backends": [{"name": "app"}]}})
    except InvalidPool as error:
        assert all(problem.path.startswith("pool.haproxy.frontends[0].") for problem in error.problems)  # noqa: PT017 - either outcome is fine
        return None
    return one


@pytest.mark.parametrize("binary", BOTH)
# Not shrunk: that would take HAProxy minutes.
@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(shapes=st.lists(FRONTENDS, min_size=5, max_size=10))
def test_haproxy_takes_whatever_is_taken_from_a_pool(binary: str, shapes: list[dict[str, Any]]) -> None:
    """All of it at once. It may warn, of words of its own that are said twice and of rules that nothing reaches."""
    frontends = [one for number, fields in enumerate(shapes) if (one := taken(fields, number)) is not None]
    pool = load_pool({"name": "web", "haproxy": {"frontends": frontends, "backends": [{"name": "app"}]}})
    assert load_pool(output_pool(pool)) == pool
    assert read(Pool, written(pool), "pool") == pool
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        ports = {name: 20000 + number for number, name in enumerate(["stats", *(one["name"] for one in frontends)])}
        write(directory, render(build_config(pool)), {}, ports)
        arguments = [word for path in sorted(directory.glob("*.cfg")) for word in ("-f", path.name)]
        result = subprocess.run([binary, "-c", *arguments], cwd=directory, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
