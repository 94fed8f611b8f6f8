"""A scheduler with certificates and an access file: the API finds its way with the secret, others with their tokens."""

import contextlib
from pathlib import Path

import pytest
import urllib3

from api.observed.scheduler_link import SchedulerLink
from api.web.problems import ApiProblem
from scheduler.config import SchedulerSettings, default_frameworks
from scheduler.main import SchedulerProcess
from sdk.errors import InvalidSpec
from sdk.storage.connection import connect
from tests.support import tls
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

SECRET = "the-secret-of-api-and-scheduler"
TOKEN = "the-token-of-the-monitoring"


def test_with_certificates_and_an_access_file_only_who_is_known_reads(
    zookeeper: ZooKeeperServer, zk_root: str, tmp_path: Path
) -> None:
    """No secret stands in ZooKeeper; health and the executor are for all."""
    root = tls.authority(tmp_path, "root")
    own = tls.signed(tmp_path, "scheduler", root)
    access = tmp_path / "access"
    access.write_text(f"read prometheus token:{TOKEN}\nchange ops certificate\n")
    settings = SchedulerSettings(
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos="127.0.0.1:1",
        frameworks=default_frameworks(),
        listen="127.0.0.1:0",
        secret=SECRET,
        access_file=access,
        certificate=own.certificate,
        key=own.key,
        client_ca=root.certificate,
    )
    process, connection = SchedulerProcess(settings), connect(zookeeper.address)
    with contextlib.ExitStack() as stack:
        stack.callback(connection.close)
        stack.callback(process.stop)
        assert process.url.startswith("https://127.0.0.1:")
        process.serve()
        process.start()
        path = f"{zk_root}/frameworks/edgelb/leader/holder"
        holder = wait_until(lambda: connection.get_json(path), 60, "the leader")[0]
        assert (holder["url"], "secret" in holder) == (process.url, False)

        link = SchedulerLink(connection, zk_root, "edgelb", SECRET, root.certificate)
        assert link.call("GET", "/v1/state").status == 200
        assert link.call("POST", "/v1/renew", {}).status == 409  # who he is was no question
        with pytest.raises(ApiProblem, match="does not take the secret"):
            SchedulerLink(connection, zk_root, "edgelb", "another", root.certificate).call("GET", "/v1/state")
        with pytest.raises(ApiProblem, match="does not answer"):
            SchedulerLink(connection, zk_root, "edgelb", SECRET).call("GET", "/v1/state")

        asking = stack.enter_context(urllib3.PoolManager(ca_certs=str(root.certificate), retries=False, timeout=60))
        ops = tls.signed(tmp_path, "ops", root)
        known = stack.enter_context(
            urllib3.PoolManager(
                ca_certs=str(root.certificate),
                cert_file=str(ops.certificate),
                key_file=str(ops.key),
                retries=False,
                timeout=60,
            )
        )
        token = {"Authorization": f"Bearer {TOKEN}"}
        confirm = {"Content-Type": "application/json"}

        def status(pool: urllib3.PoolManager, method: str, path: str, **headers: str) -> int:
            return pool.request(method, f"{process.url}{path}", headers=headers, body=b"{}").status

        assert [status(asking, "GET", path) for path in ("/healthz", "/v1/state", "/metrics")] == [200, 401, 401]
        assert status(asking, "GET", "/v1/artifacts/x/y") == 404
        assert [status(asking, "GET", path, **token) for path in ("/v1/state", "/metrics")] == [200, 200]
        assert status(asking, "POST", "/v1/uninstall", **token | confirm) == 403
        assert status(known, "POST", "/v1/uninstall", **confirm) == 400


def test_an_api_that_cannot_read_its_certificates_does_not_start(zk_root: str, tmp_path: Path) -> None:
    """It says which file, and by which setting."""
    connection = connect("127.0.0.1:1")
    try:
        with pytest.raises(InvalidSpec, match=r"scheduler-ca: .*no\.pem cannot be used"):
            SchedulerLink(connection, zk_root, "edgelb", None, tmp_path / "no.pem")
    finally:
        connection.close()
