"""Who may change something through the API: requests as a browser sends them for a foreign page, and the listener's
address. Over real HTTP, and held against what is stored. Users are in test_users.py.
"""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from api.client.client import ApiClient
from api.validation.trials import Trials
from api.web.main import ApiServer, ApiSettings
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler
from tests.support.http import request
from tests.support.pools import minimal
from tests.support.ports import free_port
from tests.support.users import OPS, credentials
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EVIL = "http://evil.example"
CHANGES = (
    ("POST", "/v2/pools", b'{"name": "new"}'),
    ("POST", "/service/edgelb/v2/pools", b'{"name": "new"}'),
    ("PUT", "/v2/pools/web", b'{"name": "web", "count": 9}'),
    ("DELETE", "/v2/pools/web", b"x"),
    ("POST", "/v1/loadbalancers", b'{"name": "new"}'),
    ("PUT", "/v1/loadbalancers/web", b'{"name": "web"}'),
    ("PUT", "/v1/all", b'{"pools": []}'),
    ("DELETE", "/v1/loadbalancers/web", b"x"),
    ("POST", "/v2/uninstall", b'{"confirm": "edgelb"}'),
    ("POST", "/v2/pools/web/pods/edgelb-pool-0/restart", b""),
    ("POST", "/v2/pools/web/accept-removal", b""),
)


def send(url: str, method: str, body: object | bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
    """One request; a body that is no bytes goes out as JSON. `_` in the names of headers stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None or isinstance(body, bytes):
        return request(method, url, body=body, headers=named)
    return request(method, url, json=body, headers=named)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": EVIL, "Content_Type": "text/plain"}, 403),
        ({"Origin": EVIL, "Content_Type": "application/json"}, 403),
        ({"Origin": "null", "Content_Type": "application/json"}, 403),
        ({"Origin": "http://[", "Content_Type": "application/json"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Content_Type": "application/json"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Content_Type": "application/json"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
    ],
)
def test_what_a_foreign_page_can_make_a_browser_send_changes_nothing(
    server: str, scheduler: Scheduler, headers: dict[str, str], status: int
) -> None:
    """403 for the origin, 415 for a body that needs no asking first; the scheduler hears nothing of it."""
    before = ApiClient(server).create(minimal())
    scheduler.calls.clear()

    for method, path, body in CHANGES:
        answer = send(f"{server}{path}", method, body, **headers)
        assert answer.status == status, path
        assert answer.json()["message"]

    assert ApiClient(server).pools() == [before.pool]
    assert ApiClient(server).pool("web").etag == before.etag
    assert scheduler.calls == []


@pytest.mark.parametrize("headers", [{}, {"Sec_Fetch_Site": "same-origin", "Origin": "https://dcos.example"}])
def test_pages_of_the_server_itself_and_programs_may_change_things(server: str, headers: dict[str, str]) -> None:
    """A proxy in front may have another name: the browser itself says that page and server belong together."""
    assert send(f"{server}/v2/pools", "POST", minimal(), **headers).status == 200
    assert send(f"{server}/v2/pools/web", "PUT", minimal(count=2), **({"Origin": server} | headers)).status == 200
    assert send(f"{server}/v2/pools/web", "DELETE", **headers).status == 204


def test_behind_a_proxy_old_browsers_are_known_by_the_host_that_they_asked(server: str) -> None:
    """Without Sec-Fetch-Site; scripts cannot set X-Forwarded-Host for another site without asking first."""
    origin = "https://dcos.example"
    assert send(f"{server}/v2/pools", "POST", minimal(), Origin=origin).status == 403
    assert send(f"{server}/v2/pools", "POST", minimal(), Origin=origin, X_Forwarded_Host="dcos.example").status == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": f"{EVIL}:8080"}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}]
)
@pytest.mark.parametrize(
    "host", ["evil.example:8080", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "x]"]
)
def test_a_name_of_somebody_else_that_points_here_is_refused(
    server: str, scheduler: Scheduler, host: str, headers: dict[str, str]
) -> None:
    """DNS rebinding: page and server are one to the browser, for reading, too. Pages may set X-Forwarded-Host."""
    more = {"Host": host, "X_Forwarded_Host": "localhost", **headers}
    for method, path, body in (("GET", "/v2/pools", None), ("POST", "/v2/pools", minimal()), ("GET", "/ping", None)):
        answer = send(f"{server}{path}", method, body, **more)
        assert answer.status == 403
        assert "EDGELB_API_HOSTS" in answer.data.decode()
    assert ApiClient(server).pools() == []
    assert scheduler.calls == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "[::1]:8080", "[::1]", "10.0.0.7", "localhost", "LOCALHOST:80", "a.localhost", "OWN", "OWN.:9"],
)
def test_browsers_get_in_by_addresses_and_by_our_own_names(server: str, host: str) -> None:
    """Nobody else can make these point here."""
    headers = {"Host": host.replace("OWN", socket.gethostname()), "Sec_Fetch_Site": "same-origin"}
    assert send(f"{server}/v2/pools", "GET", **headers).status == 200


def test_programs_may_ask_for_any_name(server: str) -> None:
    """They may know an entry of DNS that we do not; a change of a page's has one of the headers."""
    assert send(f"{server}/v2/pools", "POST", minimal(), Host="edgelb.marathon.mesos:8080").status == 200


def test_names_that_the_settings_list_are_known(
    zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, trials: Trials
) -> None:
    """Those of a proxy that hands Host on."""
    settings = ApiSettings(zk=zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0", hosts=("DCOS.example.",))
    running = ApiServer(settings, connection, trials)
    url = f"http://{running.start()}/v2/pools"
    try:
        for host, status in (("dcos.example", 200), ("dcos.example:443", 200), ("x.dcos.example", 403)):
            assert send(url, "GET", Host=host, Sec_Fetch_Site="same-origin").status == status
    finally:
        running.stop()


@pytest.mark.parametrize("body", [{}, {"confirm": "other"}, {"confirm": True}, []])
def test_an_uninstall_has_to_name_what_it_removes(server: str, scheduler: Scheduler, body: object) -> None:
    """Nobody removes all by a slip of a path."""
    answer = send(f"{server}/v2/uninstall", "POST", body)
    assert answer.status == 400
    assert '{"confirm": "edgelb"}' in answer.json()["message"]
    assert scheduler.calls == []


def test_all_reaches_the_scheduler_with_the_secret_that_stands_beside_its_address(
    server: str, scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Questions, too: a scheduler may want to see it for them."""
    connection.put(
        f"{zk_root}/frameworks/edgelb/leader/holder",
        b'{"id": "a", "url": "%s", "pid": 1, "since": 0, "secret": "s3cret"}' % scheduler.url.encode(),
    )
    scheduler.answers["POST /v1/uninstall"] = (202, {"message": "stored"})
    assert send(f"{server}/v2/uninstall", "POST", {"confirm": "edgelb"}).status == 202
    send(f"{server}/v2/uninstall", "GET")
    assert scheduler.authorizations == ["Bearer s3cret"] * 2


def test_a_scheduler_with_another_secret_is_told_with_what_to_do(server: str, scheduler: Scheduler) -> None:
    """It is the installation that is wrong, not the client."""
    scheduler.answers["POST /v1/uninstall"] = (401, {"code": 401, "message": "no"})
    answer = send(f"{server}/v2/uninstall", "POST", {"confirm": "edgelb"})
    assert answer.status == 502
    assert "EDGELB_SCHEDULER_SECRET_FILE" in answer.json()["message"]


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def edgelb() -> Command:
    """Runs the command line as a process."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "api.cli.main", *arguments],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (("api",), "EDGELB_API_CREDENTIALS_FILE"),
        (("scheduler",), "EDGELB_SCHEDULER_SECRET_FILE"),
        (("listener",), "127.0.0.1"),
    ],
)
def test_listening_for_other_machines_without_asking_who_they_are_has_to_be_said(
    edgelb: Command, arguments: tuple[str, ...], instead: str
) -> None:
    """The sentence names the setting, and how to do without it."""
    refused = edgelb("run", *arguments, "--listen", f"0.0.0.0:{free_port()}")
    assert refused.returncode == 2
    assert "EDGELB_ALLOW_UNAUTHENTICATED=1" in refused.stderr
    assert instead in refused.stderr
    assert "Traceback" not in refused.stderr


def test_with_users_or_with_the_setting_the_api_listens_for_other_machines(
    zookeeper: ZooKeeperServer, connection: ZooKeeper, tmp_path: Path, trials: Trials
) -> None:
    """Either says that it is meant."""
    for more in ({"credentials": credentials(tmp_path, OPS)}, {"allow_unauthenticated": True}):
        running = ApiServer(ApiSettings(zk=zookeeper.address, listen="0.0.0.0:0", **more), connection, trials)
        running.stop()
