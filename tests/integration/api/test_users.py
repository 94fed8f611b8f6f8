"""The users of the API over real HTTP: how they prove who they are, which routes are whose, the page on which people
log in, and the command line.
"""

import base64
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from flask import Flask

from api.changes.change import MOST, Change
from api.changes.change_log import ChangeLog
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from api.client.logins import Logins
from api.users.users import token_hash
from api.validation.trials import Trials
from api.web.app import create_app
from api.web.authentication import COOKIE, PAGE_TOKEN
from api.web.main import ApiServer, ApiSettings
from api.web.permissions import NEEDS, Needs
from sdk.errors import CorruptRecord
from sdk.http.tls import ServerTls
from sdk.storage.connection import ZooKeeper
from tests.support.http import request
from tests.support.pools import minimal
from tests.support.tls import authority, signed
from tests.support.users import ALICE, OPS, PASSWORD, credentials, entry
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

READ = entry("rita", "reader", tokens=[token_hash("t0ken")])
FORM = "application/x-www-form-urlencoded"


def send(url: str, method: str, body: object | bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
    """One request; a body that is no bytes goes out as JSON. `_` in the names of headers stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None or isinstance(body, bytes):
        return request(method, url, body=body, headers=named)
    return request(method, url, json=body, headers=named)


def basic(user: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def guarded(
    zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, tmp_path: Path, trials: Trials
) -> Iterator[str]:
    """A server with an admin, an operator of the pools shop-*, and a reader with a token."""
    known = credentials(tmp_path, OPS, ALICE, READ)
    settings = ApiSettings(zk=zookeeper.address, zk_root=zk_root, listen="127.0.0.1:0", credentials=known)
    running = ApiServer(settings, connection, trials)
    yield f"http://{running.start()}"
    running.stop()


def test_an_admin_changes_what_he_likes_and_the_pool_knows_him(guarded: str) -> None:
    """With his password, again and again."""
    client = ApiClient(guarded, credentials=("ops", PASSWORD))
    assert client.create(minimal()).pool["name"] == "web"
    assert [pool["name"] for pool in client.pools()] == ["web"]
    assert client.status("web")["author"] == "ops"


@pytest.mark.parametrize("user", [None, ("ops", "wrong"), ("ops", ""), ("nobody", PASSWORD), ("rita", "t0ken")])
def test_others_get_a_401_that_says_what_is_needed(guarded: str, user: tuple[str, str] | None) -> None:
    """For reading, too; only health checks pass. A user with a token has no password."""
    client = ApiClient(guarded, credentials=user)
    for call in (client.pools, lambda: client.create(minimal()), lambda: client.uninstall("edgelb"), client.version):
        with pytest.raises(ApiError) as refused:
            call()
        assert refused.value.status == 401
        assert PASSWORD not in refused.value.message
    for path in ("/metrics", "/openapi.json", "/service/edgelb/v2/pools", "/nowhere"):
        answer = send(f"{guarded}{path}", "GET")
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Edge-LB", charset="UTF-8"')
    for path in ("/ping", "/healthz", "/readyz"):
        assert send(f"{guarded}{path}", "GET").status == 200


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer t0ken"}, {"Authorization": "token=t0ken"}, {"token": "t0ken"}]
)
def test_a_token_is_its_user_in_every_form(guarded: str, headers: dict[str, str]) -> None:
    """Bearer, and as clients of DC/OS send theirs. A reader reads."""
    assert send(f"{guarded}/v2/whoami", "GET", **headers).json() == {
        "user": "rita",
        "role": "reader",
        "pools": [],
        "way": "token",
        "pageToken": None,
    }
    refused = send(f"{guarded}/v2/pools", "POST", minimal(), **headers)
    assert refused.status == 403
    assert "rita is a reader" in refused.json()["message"]


@pytest.mark.parametrize(
    "value",
    ["Basic !!!", "Basic", "Bearer", "Bearer x", "token=abc", "Bearer s1.x.y", "Basic " + "A" * 5000, "\xff", "token="],
)
def test_garbage_in_authorization_is_a_401(guarded: str, value: str) -> None:
    """Never an error of ours."""
    assert send(f"{guarded}/v2/pools", "GET", Authorization=value).status == 401
    broken = "Basic " + base64.b64encode(b"\xff:\xfe").decode()
    assert send(f"{guarded}/v2/pools", "GET", Authorization=broken).status == 401
    assert send(f"{guarded}/v2/pools", "GET", Cookie=f"{COOKIE}={value}").status == 401


def test_an_operator_changes_his_pools_and_no_others(guarded: str) -> None:
    """In both versions of the API, whatever the body says."""
    alice, ops = (ApiClient(guarded, credentials=(user, PASSWORD)) for user in ("alice", "ops"))
    ops.create(minimal())
    alice.create(minimal(name="shop-web"))
    alice.update("shop-web", minimal(name="shop-web", count=2))
    as_alice = {"Authorization": basic("alice")}
    for method, path, body in (
        ("POST", "/v2/pools", minimal(name="other")),
        ("POST", "/v1/loadbalancers", {"name": "other"}),
        ("PUT", "/v2/pools/web", minimal(count=2)),
        ("PUT", "/v2/pools/web", minimal(name="shop-web", count=3)),
        ("DELETE", "/v2/pools/web", None),
        ("POST", "/v2/pools?dryRun=true", minimal(name="other")),
        ("POST", "/v2/pooltemplates", {"name": "team"}),
    ):
        answer = send(f"{guarded}{path}", method, body, **as_alice)
        assert answer.status == 403, path
        assert "alice is an operator of shop-*" in answer.json()["message"]
    assert send(f"{guarded}/v2/pools/shop-web", "PUT", minimal(), **as_alice).status == 400
    assert [(pool["name"], pool["count"]) for pool in ops.pools()] == [("shop-web", 2), ("web", 1)]
    alice.delete("shop-web")


@pytest.fixture
def application(connection: ZooKeeper, zk_root: str, tmp_path: Path, trials: Trials) -> Flask:
    """The application without a socket; its operator has the pools of template `shop`, too."""
    bob = entry("bob", "operator", pools=["shop", "auto-shop"])
    known = credentials(tmp_path, OPS, bob, entry("rita", "reader"))
    return create_app(connection, zk_root, version="v9", trials=trials, credentials=known)


def test_every_route_has_its_role(application: Flask) -> None:
    """None is forgotten, and none is listed that there is not."""
    assert {rule.endpoint for rule in application.url_map.iter_rules()} == set(NEEDS)


ALLOWED = {
    Needs.NOTHING: {"", "rita", "bob", "bob elsewhere", "ops"},
    Needs.READER: {"rita", "bob", "bob elsewhere", "ops"},
    Needs.POOL: {"bob", "ops"},
    Needs.NEW_POOL: {"bob", "ops"},
    Needs.TEMPLATE: {"bob", "ops"},
    Needs.NEW_TEMPLATE: {"bob", "ops"},
    Needs.ADMIN: {"ops"},
}


@pytest.mark.parametrize("who", ["", "rita", "bob", "bob elsewhere", "ops"])
def test_every_route_is_asked_by_everybody(application: Flask, who: str) -> None:
    """Nobody gets past his role, by no route; and who may use one is not refused for who he is."""
    client, name = application.test_client(), "other" if who == "bob elsewhere" else "shop"
    headers = {"Authorization": basic(who.split()[0])} if who else {}
    refused, passed = [], []
    for rule in application.url_map.iter_rules():
        needs = NEEDS[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            path = re.sub(r"<string:name>", name, rule.rule)
            path = re.sub(r"<string:\w+>", "x", path)
            body: dict[str, Any] = {"json": {"name": name}} if method in ("POST", "PUT") else {}
            if rule.endpoint.startswith("login."):
                body = {}
            elif "PUT" in (rule.methods or ()) and "emplate" in rule.endpoint:
                body = {"data": "x", "content_type": "text/plain"}
            answer = client.open(path, method=method, headers=headers, **body)
            needed = ALLOWED[Needs.READER if method == "OPTIONS" and needs is not Needs.NOTHING else needs]
            if who in needed:
                passed.append(rule.rule)
                # The forms of the login ask for something else.
                assert rule.endpoint.startswith("login.") or answer.status_code not in (401, 403), (method, path)
                assert answer.status_code != 500, (method, path, answer.text)
            else:
                refused.append(rule.rule)
                assert answer.status_code == (403 if who else 401), (method, path)
    assert (not refused) is (who == "ops")
    assert passed


def test_sessions_stand_for_a_password_and_nothing_else(guarded: str) -> None:
    """A token gets none, and one session does not get another."""
    opened = send(f"{guarded}/v2/login", "POST", {}, Authorization=basic("alice")).json()
    assert (opened["user"], opened["role"], opened["pools"]) == ("alice", "operator", ["shop-*"])
    session = {"Authorization": f"Bearer {opened['token']}"}
    assert send(f"{guarded}/v2/pools", "POST", minimal(name="shop-a"), **session).status == 200
    assert send(f"{guarded}/v2/pools", "POST", minimal(name="other"), **session).status == 403
    for proof in (session, {"Authorization": "Bearer t0ken"}):
        refused = send(f"{guarded}/v2/login", "POST", {}, **proof)
        assert (refused.status, "password" in refused.json()["message"]) == (403, True)


def test_without_users_everybody_is_an_admin_and_there_is_nothing_to_log_in_to(server: str) -> None:
    """As on loopback."""
    assert ApiClient(server).whoami()["way"] == "none"
    assert send(f"{server}/v2/login", "POST", {}).status == 409
    assert send(f"{server}/login", "GET").status == 404


def test_guessing_ends_in_a_429_that_says_how_long(guarded: str) -> None:
    """For this user; whoever has a token goes on from the same address."""
    answers = list[urllib3.BaseHTTPResponse]()

    def refused() -> bool:
        answers.append(send(f"{guarded}/v2/pools", "GET", Authorization=basic("ops", "guess")))
        return answers[-1].status == 429

    wait_until(refused, 60, "the end of guessing")
    assert {answer.status for answer in answers[:-1]} == {401}
    assert len(answers) > 10
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert send(f"{guarded}/v2/pools", "GET", Authorization="Bearer t0ken").status == 200


GUESSING = """
import resource, threading
from werkzeug.security import generate_password_hash
from api.users.users import Users
from api.users.users_file import parse_users
password = generate_password_hash("right")
users = Users(parse_users(f'[ops]\\nrole = "admin"\\npassword = "{password}"'))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
guesses = [threading.Thread(target=users.by_password, args=(name, "wrong")) for name in ("ops", "nobody") * 16]
for guess in guesses:
    guess.start()
for guess in guesses:
    guess.join()
assert users.by_password("ops", "right")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_guessing_passwords_takes_a_bounded_memory() -> None:
    """Each hash takes 32 MB, and whoever reaches the port may send passwords, many at once."""
    ended = subprocess.run([sys.executable, "-c", GUESSING], capture_output=True, text=True, timeout=300, check=True)
    assert int(ended.stdout) < 200


class Browser:
    """Keeps cookies and sends forms, as a browser does for pages of the server."""

    def __init__(self, base: str) -> None:
        self.base, self.cookies = base, dict[str, str]()
        self.set = list[str]()

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._send("GET", path, None, Accept="text/html", Sec_Fetch_Site="same-origin", **headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> urllib3.BaseHTTPResponse:
        from urllib.parse import urlencode

        headers = {"Sec_Fetch_Site": "same-origin", "Origin": self.base, **headers}
        return self._send("POST", path, urlencode(form).encode(), Content_Type=FORM, Accept="text/html", **headers)

    def log_in(self, user: str, password: str = PASSWORD, path: str = "/login") -> urllib3.BaseHTTPResponse:
        return self.post(path, {"form_token": hidden(self.get(path)), "user": user, "password": password})

    def _send(self, method: str, path: str, body: bytes | None, **headers: str) -> urllib3.BaseHTTPResponse:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = send(f"{self.base}{path}", method, body, **headers, **({"Cookie": cookie} if cookie else {}))
        self.set = answer.headers.getlist("Set-Cookie")
        for one in self.set:
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies.pop(name, None) if "Max-Age=0" in one else self.cookies.update({name: value})
        return answer


def hidden(page: urllib3.BaseHTTPResponse) -> str:
    """The token in the page's form."""
    found = re.search(r'type="hidden" name="\w+" value="([^"]+)"', page.data.decode())
    assert found, page.data
    return found[1]


@pytest.mark.parametrize("prefix", ["", "/service/edgelb"])
def test_people_log_in_on_a_page_and_get_where_they_wanted(guarded: str, prefix: str) -> None:
    """Below a proxy's path, too: all links are relative."""
    browser = Browser(f"{guarded}{prefix}")
    sent = browser.get("/v2/pools")
    assert (sent.status, sent.headers["Location"]) == (303, "../login?next=v2/pools")
    entered = browser.log_in("alice", path="/login?next=v2/pools")
    assert (entered.status, entered.headers["Location"]) == (303, "v2/pools")
    (cookie,) = browser.set
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path" not in cookie
    assert browser.get("/v2/pools").json() == []
    page = browser.get("/login")
    assert "alice" in page.data.decode()
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert browser.post("/logout", {"page_token": "x"}).status == 403
    left = browser.post("/logout", {"page_token": hidden(page)})
    assert (left.status, left.headers["Location"]) == (303, "login")
    assert browser.get("/v2/pools").status == 303


def test_a_change_from_a_page_needs_what_only_our_pages_know(guarded: str) -> None:
    """The cookie alone is what a browser sends for anybody."""
    browser = Browser(guarded)
    browser.log_in("ops")
    cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    told = send(f"{guarded}/v2/whoami", "GET", **cookie).json()
    refused = send(f"{guarded}/v2/pools", "POST", minimal(), **cookie)
    assert (refused.status, PAGE_TOKEN in refused.json()["message"]) == (403, True)
    wrong = {**cookie, PAGE_TOKEN: "x"}
    assert send(f"{guarded}/v2/pools", "POST", minimal(), **wrong).status == 403
    right = {**cookie, PAGE_TOKEN: told["pageToken"]}
    assert send(f"{guarded}/v2/pools", "POST", minimal(), **right).status == 200


def test_a_wrong_password_loses_no_typed_name_and_tells_nobody_which_was_wrong(guarded: str) -> None:
    """Nor where to go afterwards; hostile names are shown as text."""
    browser = Browser(guarded)
    for user in ("ops", "nobody", '"><script>'):
        page = browser.log_in(user, "wrong", "/login?next=v2/pools")
        text = page.data.decode()
        assert page.status == 401
        assert "is not known" in text
        assert "next=v2/pools" in text
        assert "<script" not in text
        assert COOKIE not in browser.cookies


@pytest.mark.parametrize("form_token", ["", "x"])
def test_a_form_of_another_site_logs_nobody_in(guarded: str, form_token: str) -> None:
    """Neither by the origin, nor where a browser tells none by what the form holds."""
    browser = Browser(guarded)
    form = {"user": "ops", "password": PASSWORD, "form_token": form_token}
    assert browser.post("/login", form).status == 403
    browser.get("/login")
    assert browser.post("/login", form).status == 403
    good = {**form, "form_token": hidden(browser.get("/login"))}
    assert browser.post("/login", good, Sec_Fetch_Site="cross-site", Origin="http://evil.example").status == 403
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("target", ["//evil.example", "http://evil.example", "/\\evil", "javascript:x", "../x", "a//b"])
def test_the_login_sends_nobody_to_another_site(guarded: str, target: str) -> None:
    """Only to places below."""
    entered = Browser(guarded).log_in("ops", path=f"/login?next={target}")
    assert entered.headers["Location"] == "./"


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_only(guarded: str) -> None:
    """As its header says."""
    browser = Browser(guarded)
    browser.get("/login", X_Forwarded_Proto="https")
    assert "; Secure" in browser.set[0]


def test_the_users_file_is_followed_while_the_server_runs(guarded: str, tmp_path: Path) -> None:
    """Who is in it gets in, who is not any more does not."""
    (tmp_path / "users.toml").write_text(OPS + entry("carol", "reader"))
    wait_until(lambda: send(f"{guarded}/v2/pools", "GET", Authorization=basic("carol")).status == 200, 60, "carol")
    assert send(f"{guarded}/v2/pools", "GET", Authorization=basic("alice")).status == 401


def test_who_changed_what_is_noted(guarded: str) -> None:
    """What was carried out, the newest first; neither what was refused or rehearsed nor what only reads."""
    ops, alice = (ApiClient(guarded, credentials=(user, PASSWORD)) for user in ("ops", "alice"))
    ops.create(minimal())
    alice.create(minimal(name="shop-a"))
    alice.rehearse_update("shop-a", minimal(name="shop-a", count=3))
    alice.validate(minimal(name="shop-b"))
    for refused in (lambda: alice.delete("web"), lambda: alice.create(minimal(name="shop-a"))):
        with pytest.raises(ApiError):
            refused()
    send(f"{guarded}/service/edgelb/v2/pools/shop-a", "PUT", minimal(name="shop-a"), Authorization=basic("ops"))
    send(f"{guarded}/v2/pooltemplates", "POST", {"name": "team"}, Authorization=basic("ops"))
    send(f"{guarded}/v2/pooltemplates/team", "DELETE", Authorization=basic("ops"))
    alice.delete("shop-a")
    told = [(one["user"], one["method"], one["path"], one["name"]) for one in ops.changes()]
    assert told == [
        ("alice", "DELETE", "/v2/pools/shop-a", "shop-a"),
        ("ops", "DELETE", "/v2/pooltemplates/team", "auto-team"),
        ("ops", "POST", "/v2/pooltemplates", "auto-team"),
        ("ops", "PUT", "/v2/pools/shop-a", "shop-a"),
        ("alice", "POST", "/v2/pools", "shop-a"),
        ("ops", "POST", "/v2/pools", "web"),
    ]
    assert {one["client"] for one in ops.changes()} == {"127.0.0.1"}
    assert [one["name"] for one in ops.changes("web")] == ["web"]


def test_changes_of_several_servers_at_once_are_all_noted(connection: ZooKeeper, zk_root: str) -> None:
    """The last ones of them: the node is bounded. What cannot be read keeps nobody from noting."""
    logs = [ChangeLog(connection, zk_root) for _ in range(4)]

    def note(number: int) -> None:
        change = Change(at=float(number), user="u", client="c", method="PUT", path="/", name=str(number))
        logs[number % 4].add(change)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(40)))
    assert sorted(int(change.name) for change in logs[0].last()) == list(range(40))
    connection.put(f"{zk_root}/changes", b"no list")
    with pytest.raises(CorruptRecord):
        logs[0].last()
    for number in range(MOST + 5):
        note(number)
    kept = [int(change.name) for change in logs[0].last()]
    assert kept == list(range(MOST + 4, 4, -1))


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def edgelb(tmp_path: Path) -> Command:
    """Runs the command line as a process, with a home of its own."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "api.cli.main", *arguments],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return str(file)


def test_the_command_line_sends_user_and_password(edgelb: Command, guarded: str, password: str) -> None:
    """From settings; no output holds the password, and without one it is told what to do."""
    done = edgelb("list", "--api", guarded, "-v", EDGELB_API_USER="ops", EDGELB_API_PASSWORD_FILE=password)
    assert (done.returncode, PASSWORD in done.stdout + done.stderr) == (0, False)
    refused = edgelb("list", "--api", guarded)
    assert refused.returncode == 5
    assert "edgelb login" in refused.stderr


def test_who_logged_in_goes_on_without_a_password(edgelb: Command, guarded: str, password: str, tmp_path: Path) -> None:
    """The session is in a file of his own, for that API only, until he forgets it."""
    done = edgelb("login", "--api", f"{guarded}/", "--user", "alice", "--password-file", password)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"You are alice, operator of shop-*, at {guarded} until 2")
    file = tmp_path / ".config" / "edgelb" / "logins.json"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    kept = Logins.of({"HOME": str(tmp_path)}).get(guarded, 0.0)
    assert kept is not None
    who = edgelb("whoami", "--api", guarded, "--verbose")
    assert who.stdout == f"You are alice, operator of shop-*, at {guarded}.\n"
    assert kept.token not in who.stderr + done.stdout + done.stderr
    assert edgelb("list", "--api", guarded.replace("127.0.0.1", "localhost")).returncode == 5
    assert edgelb("list", "--api", guarded, EDGELB_TOKEN="t0ken").returncode == 0
    ApiClient(guarded, credentials=("alice", PASSWORD)).create(minimal(name="shop-a"))
    assert "  alice  127.0.0.1  shop-a  POST /v2/pools\n" in edgelb("changes", "--api", guarded).stdout
    assert edgelb("logout", "--api", guarded).stdout == f"The session at {guarded} is forgotten.\n"
    assert edgelb("whoami", "--api", guarded).returncode == 5


def test_an_entry_for_the_users_file_is_made_by_a_command(
    edgelb: Command, guarded: str, password: str, tmp_path: Path
) -> None:
    """With the hash of a password, or with a new token in a file of its own; both get in."""
    made = edgelb("user", "dora.d", "--role", "operator", "--pools", "a-*", "--pools", "b", "--password-file", password)
    token = tmp_path / "token"
    ci = edgelb("user", "ci", "--role", "reader", "--token-file", str(token))
    assert (made.returncode, ci.returncode) == (0, 0), made.stderr + ci.stderr
    assert token.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in made.stdout
    assert token.read_text().strip() not in ci.stdout + ci.stderr
    assert edgelb("user", "ci", "--role", "reader", "--token-file", str(token)).returncode == 2
    assert "must say ci.pools" in edgelb("user", "ci", "--role", "operator", "--password-file", password).stderr
    (tmp_path / "users.toml").write_text(made.stdout + ci.stdout)
    wait_until(lambda: send(f"{guarded}/ping", "GET").status == 200, 60, "the server")
    bearer = f"Bearer {token.read_text().strip()}"
    wait_until(lambda: send(f"{guarded}/v2/pools", "GET", Authorization=bearer).status == 200, 60, "the token")
    assert ApiClient(guarded, credentials=("dora.d", PASSWORD)).whoami()["pools"] == ["a-*", "b"]


def test_the_api_speaks_tls_to_clients_that_trust_its_authority(
    zookeeper: ZooKeeperServer,
    connection: ZooKeeper,
    zk_root: str,
    trials: Trials,
    tmp_path: Path,
    edgelb: Command,
    password: str,
) -> None:
    """With a cookie for TLS only; others are told which option is missing."""
    root = authority(tmp_path, "root")
    made = signed(tmp_path, "api", root)
    settings = ApiSettings(
        zk=zookeeper.address,
        zk_root=zk_root,
        listen="127.0.0.1:0",
        credentials=credentials(tmp_path, OPS),
        tls=ServerTls(certificate=made.certificate, key=made.key),
    )
    running = ApiServer(settings, connection, trials)
    url = f"https://{running.start()}"
    try:
        client = ApiClient(url, credentials=("ops", PASSWORD), ca=root.certificate)
        assert client.create(minimal()).pool["name"] == "web"
        with pytest.raises(ApiUnreachable, match="certificate"):
            ApiClient(url).ping()
        logged_in = ("login", "--api", url, "--user", "ops", "--password-file", password)
        refused = edgelb(*logged_in)
        assert (refused.returncode, "--ca" in refused.stderr) == (3, True)
        done = edgelb(*logged_in, EDGELB_API_CA=str(root.certificate))
        assert done.returncode == 0, done.stderr
        assert "no TLS" not in done.stderr
        page = client.call("GET", "/login")
        assert "; Secure" in page.headers["Set-Cookie"]
    finally:
        running.stop()
