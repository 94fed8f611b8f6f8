"""Secrets of pools on a whole system: from the operator's folder to HTTPS, renewed, gone, and seen by nobody else."""

import contextlib
import hashlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from tests.e2e.conftest import QUICK, System, running
from tests.support.tls import Certificate, authority, signed
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


class Store:
    """The folder in which the operator keeps secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, secret: str, certificate: Certificate) -> bytes:
        """A certificate with its key; what the file holds."""
        pem = certificate.certificate.read_bytes() + certificate.key.read_bytes()
        path = self.folder / secret
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.write_bytes(pem)
        new.rename(path)
        return pem


@pytest.fixture(scope="module")
def autocert_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the authority for `$AUTOCERT`, which is not there at first."""
    return tmp_path_factory.mktemp("authority") / "ca.pem"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, autocert_ca: Path) -> Iterator[System]:
    """One whose scheduler looks for that authority."""
    options = replace(QUICK, environment={"EDGELB_AUTOCERT_CA": str(autocert_ca), **QUICK.environment})
    with running(tmp_path_factory.mktemp("stack"), options) as system:
        yield system


@pytest.fixture
def store(system: System) -> Store:
    return Store(system.stack.layout.directory / "secrets")


def https_pool(system: System, name: str, secret: str) -> dict[str, Any]:
    """The sample pool with a frontend for HTTPS beside that for HTTP."""
    pool = system.pool(name, count=2, secrets=[{"secret": secret, "file": "web.pem"}])
    [plain] = pool["haproxy"]["frontends"]
    private = {**plain, "name": "web-tls", "protocol": "HTTPS", "certificates": ["$SECRETS/web.pem"]}
    pool["haproxy"]["frontends"] = [plain, private]
    return pool


def ports(system: System, pool: str, frontend: str = "web-tls") -> list[int]:
    return [one["ports"][frontend] for one in system.instances(pool)]


def shown(port: int) -> str:
    """The sum of the certificate that is shown at a port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="web.example.com") as tls,
    ):
        tls.sendall(b"GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: close\r\n\r\n")
        assert tls.recv(12) == b"HTTP/1.1 200"
        certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).hexdigest()


def sum_of(certificate: Certificate) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())).hexdigest()


def everywhere(system: System, pool: str, certificate: Certificate) -> bool:
    found = ports(system, pool)
    return len(found) == 2 and {shown(port) for port in found} == {sum_of(certificate)}


class Handshakes:
    """A client that begins a connection anew for each request, without rest."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self.done = 0
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Handshakes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for port in itertools.cycle(self._ports):
            if self._stop.is_set():
                return
            try:
                shown(port)
            except (OSError, AssertionError) as error:
                self.failed.append(repr(error))
            self.done += 1


def words(system: System, pool: str) -> str:
    """All that the status says."""
    return str(system.status(pool))


def test_a_pool_serves_with_a_secret_that_is_renewed_and_lost(system: System, store: Store, tmp_path: Path) -> None:
    """One story: it waits for the secret, gets it, a new one without a relaunch, and keeps the last one."""
    name = "private"
    ca = authority(tmp_path, "ca")
    first, second = signed(tmp_path, "first", ca), signed(tmp_path, "second", ca)
    system.stack.call("POST", f"{system.stack.api}/v2/pools", https_pool(system, name, "private/cert"))
    system.serving(name, 2)
    wait_until(lambda: "cannot be read" in words(system, name), 20, "the status to say that there is no store")

    first_pem = store.put("private/cert", first)
    wait_until(lambda: everywhere(system, name, first), 30, "HTTPS with the secret")
    wait_until(lambda: system.ready(name), 20, "the pool to be ready")
    before = system.task_ids(name)

    with Handshakes(ports(system, name)) as handshakes:
        store.put("private/cert", second)
        wait_until(lambda: everywhere(system, name, second), 30, "HTTPS with the new secret")
        assert system.task_ids(name) == before

        store.folder.rename(store.folder.with_name("away"))
        wait_until(lambda: "cannot be read" in words(system, name), 30, "the status to say that the store is away")
        assert everywhere(system, name, second)
        # Who takes charge now has no secret itself, and takes none away.
        system.kill(system.child("scheduler"))
        wait_until(lambda: system.stack.fetch(f"{system.stack.scheduler}/readyz")[0] == 200, 60, "the next scheduler")
        assert everywhere(system, name, second)
        store.folder.with_name("away").rename(store.folder)
        third = signed(tmp_path, "third", ca)
        store.put("private/cert", third)
        wait_until(lambda: everywhere(system, name, third), 60, "HTTPS with what the store has when it is back")
        assert system.task_ids(name) == before
    assert handshakes.done > 20
    assert handshakes.failed == []

    keys = [pem.read_text().splitlines()[1] for pem in (first.key, second.key, third.key)]
    assert keys[0] in first_pem.decode()
    assert_seen_nowhere(system, name, keys)


def assert_seen_nowhere(system: System, name: str, keys: list[str]) -> None:
    """Neither in ZooKeeper, nor in what Mesos shows, nor in sandboxes and logs, nor in what the API tells."""
    mesos = system.stack.mesos
    told = [str(system.stack.get(f"{mesos}/{path}")) for path in ("state", "tasks?limit=10000", "slaves")]
    told += [words(system, name), str(system.stack.get(f"{system.stack.scheduler}/v1/state"))]
    told += list(nodes(system))
    files = [path for path in system.stack.layout.directory.rglob("*") if path.is_file() and not path.is_symlink()]
    told += [path.read_bytes().decode(errors="replace") for path in files if "secrets" not in path.parts]
    for key in keys:
        assert not any(key in text for text in told)


def nodes(system: System) -> Iterator[str]:
    client = KazooClient(system.stack.zookeeper)
    client.start(timeout=10)
    try:
        waiting = ["/"]
        while waiting:
            path = waiting.pop()
            with contextlib.suppress(NoNodeError):
                data, _ = client.get(path)
                yield (data or b"").decode(errors="replace")
                waiting += [f"{path.rstrip('/')}/{child}" for child in client.get_children(path)]
    finally:
        client.stop()
        client.close()


def test_a_pool_may_not_have_the_secrets_of_others(system: System, store: Store, tmp_path: Path) -> None:
    """Whoever writes pools does not get at what belongs to another one; its other listeners serve."""
    name = "nosy"
    store.put("finance/cert", signed(tmp_path, "finance", authority(tmp_path, "ca")))
    system.stack.call("POST", f"{system.stack.api}/v2/pools", https_pool(system, name, "finance/cert"))
    system.serving(name, 2)
    wait_until(lambda: "EDGELB_SECRET_PATHS" in words(system, name), 20, "the status to say why")
    for port in ports(system, name):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), 5).close()
    system.delete(name)


def test_an_authority_signs_what_instances_made_for_themselves(
    system: System, autocert_ca: Path, tmp_path: Path
) -> None:
    """They serve before it is there, and nothing is relaunched when it comes; its key is seen nowhere."""
    name = "own"
    pool = https_pool(system, name, "unused")
    pool["secrets"] = []
    pool["haproxy"]["frontends"][1]["certificates"] = ["$AUTOCERT"]
    system.stack.call("POST", f"{system.stack.api}/v2/pools", pool)
    system.serving(name, 2)
    wait_until(lambda: words(system, name).count("EDGELB_AUTOCERT_CA") >= 2, 30, "the status to say what is missing")
    assert all(shown(port) for port in ports(system, name))
    before = system.task_ids(name)

    root = authority(tmp_path, "root")
    middle = authority(tmp_path, "middle", root)
    new = autocert_ca.with_name("new")
    new.write_bytes(middle.certificate.read_bytes() + middle.key.read_bytes())
    new.chmod(0o600)
    new.rename(autocert_ca)
    trusting = ssl.create_default_context(cafile=str(root.certificate))

    def trusted(port: int) -> bool:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            trusting.wrap_socket(plain, server_hostname=name),
        ):
            return True

    wait_until(lambda: all(map(trusted, ports(system, name))), 30, "certificates of the authority")
    wait_until(lambda: words(system, name).count("Common Name: middle") >= 2, 20, "the status to say who signed")
    assert "EDGELB_AUTOCERT_CA" not in words(system, name)
    assert system.task_ids(name) == before
    assert_seen_nowhere(system, name, [middle.key.read_text().splitlines()[1]])
    system.delete(name)
