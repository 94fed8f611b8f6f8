"""Options of servers on a real HAProxy: in a file, at run time, and what weights do."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.selecting.endpoint import Endpoint, Kind, task_endpoints
from api.dcos_template.selecting.servers import server_of
from pool_executor.contract import options_of
from scheduler.pools.model import Check, Protocol
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.words.server_words import CHECK, SERVER, misc_problem
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = pytest.mark.integration

VALUES = (
    "",
    "none",
    "layer7",
    "mark-down",
    "shutdown-sessions",
    "shutdown-backup-sessions",
    "h2",
    "TLSv1.3",
    "10.0.0.9",
)
BOUNDARIES = ("256", "24h", "999999999", "65535", "a.test", "999")


def texts(option: str) -> list[str]:
    """The option with each value that it can have among some."""
    found = [f"{option} {value}".strip() for value in (*VALUES, *BOUNDARIES)]
    return [text for text in found if misc_problem(text) is None]


TEXTS = [text for option in SERVER for text in texts(option)]
PROTOCOLS = (Protocol.HTTP, Protocol.HTTPS)


def wishes(text: str) -> list[Wish]:
    """What may be said so, of a server that is checked and one that is not."""
    found = [Wish(misc_str=text), Wish(misc_str=text, check=Check(enabled=False))]
    return [*found, Wish(check=Check(custom_str=text))] if text.split()[0] in CHECK else found


SHAPE = pool(
    "web",
    frontend("web", "weights"),
    backend(
        "weights",
        service(Wish(misc_str="weight 20"), task_name="a"),
        service(Wish(misc_str="weight 10"), task_name="b"),
    ),
    *(
        backend(f"{protocol}-{number}", *(service(wish, task_name="t") for wish in wishes(text)), protocol=protocol)
        for protocol in PROTOCOLS
        for number, text in enumerate(TEXTS)
    ),
)


@pytest.fixture(params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Haproxy]:
    """All servers of all services stand in its file."""
    servers = {}
    for one in SHAPE.haproxy.backends:
        found = []
        for number, wanted in enumerate(one.services):
            [endpoint] = task_endpoints(wanted.endpoint, task("t", agent_address=f"127.0.0.{number + 1}")).endpoints
            found.append(endpoint)
        servers[one.name] = tuple(found)
    balancer = Haproxy(tmp_path, SHAPE, servers, binary=request.param)
    yield balancer
    balancer.stop()


def test_every_option_that_is_accepted_is_one_for_haproxy(haproxy: Haproxy) -> None:
    """In its file, which it has read, and for a server that comes later."""
    refused = []
    options = {one.name: one.options for one in build_config(SHAPE).backends}
    for one in SHAPE.haproxy.backends:
        for number, wanted in enumerate(one.services):
            [endpoint] = task_endpoints(wanted.endpoint, task("t", agent_address=f"127.0.1.{number + 1}")).endpoints
            words = options_of(server_of(endpoint, None, ()), options[one.name])
            answer = haproxy.command(f"add server {one.name}/late{number} 127.0.0.1:9 id {90 + number} {words}")
            if "New server registered." not in answer:
                refused.append((one.name, words, answer))
    assert refused == []


def test_weights_share_the_requests(tmp_path: Path) -> None:
    """Twenty to ten, as documented."""
    shape = pool("web", frontend("web", "app"), backend("app"), backend("one"), backend("two"))
    made = Haproxy(tmp_path, shape)
    try:
        made.command(f"set server app/agentip_127.0.0.1_{made.answers['app']} weight 0")
        for name, weight in (("one", 20), ("two", 10)):
            server = server_of(Endpoint(Kind.AGENT_IP, "127.0.0.1", made.answers[name], weight=weight), None, ())
            words = options_of(server, {"": ""})
            made.command(f"add server app/{name} 127.0.0.1:{server.port} id {server.id} {words}")
            made.command(f"set server app/{name} state ready")
        assert Counter(made.get("web", "/")[1] for _ in range(30)) == {"one": 20, "two": 10}
    finally:
        made.stop()
