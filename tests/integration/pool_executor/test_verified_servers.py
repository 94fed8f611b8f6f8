"""Files by which servers are spoken to, as an instance has them: what is missing, what comes, and what changes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from pool_executor.contract import InstanceStatus, Part
from scheduler.pools.schema import load_pool
from sdk.local.zookeeper import ZooKeeperServer
from tests.integration.pool_executor.harness import Publisher, applied, server
from tests.integration.pool_executor.test_tls import plain_answer
from tests.integration.pool_executor.tls_instance import Instance
from tests.support.backends import Backend
from tests.support.haproxies import BOTH
from tests.support.tls import Certificate, TlsFront, authority, signed
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def parts(**tls: str) -> dict[str, tuple[Part, str]]:
    """A pool whose servers speak TLS, and one whose servers do not."""
    files = ("ca.pem", "own.pem")
    backends: list[Mapping[str, Any]] = [
        {"name": "app", "protocol": "TLS", "tls": tls, "services": [{"mesos": {"taskName": "a"}}]},
        {"name": "other", "protocol": "TCP"},
    ]
    links = {"web": "app", "other": "other"}
    pool = load_pool(
        {
            "name": "web",
            "secrets": [{"secret": name, "file": name} for name in files],
            "haproxy": {
                "stats": {"bindPort": 0},
                "frontends": [
                    {
                        "name": name,
                        "bindAddress": "127.0.0.1",
                        "protocol": "TCP",
                        "linkBackend": {"defaultBackend": backend},
                    }
                    for name, backend in links.items()
                ],
                "backends": backends,
            },
        }
    )
    return {name: (text.part, text.text) for name, text in render(build_config(pool)).items()}


@pytest.fixture
def instance(zookeeper: ZooKeeperServer, zk_root: str, tmp_path: Path, binary: str) -> Iterator[Instance]:
    """One whose room is empty."""
    found = Instance(zookeeper.address, zk_root, tmp_path / "sandbox", binary)
    yield found
    found.close()


@pytest.fixture
def known(tmp_path: Path) -> Certificate:
    return authority(tmp_path, "known")


@pytest.fixture
def front(tmp_path: Path, known: Certificate) -> Iterator[TlsFront]:
    """A server that the authority `known` has signed, and that wants a certificate of the same."""
    with Backend("b") as behind:
        made = TlsFront(behind.port, signed(tmp_path, "server", known), clients=known)
        yield made
        made.close()


def status_of(publisher: Publisher) -> InstanceStatus:
    return publisher.statuses()["task-1"]


def answers(port: int) -> bool:
    try:
        return plain_answer(port) == b"HTTP/1.1 200"
    except OSError:
        return False


def both(certificate: Certificate) -> bytes:
    return certificate.certificate.read_bytes() + certificate.key.read_bytes()


def test_servers_are_used_as_soon_as_their_files_are_there(
    publisher: Publisher, instance: Instance, tmp_path: Path, known: Certificate, front: TlsFront
) -> None:
    """Until then they get nothing, and everything else is served; a new authority counts, too."""
    port = int(front.address.rpartition(":")[2])
    publisher.publish_parts(parts(ca="$SECRETS/ca.pem", certificate="$SECRETS/own.pem"))
    with Backend("other") as other:
        servers = {"app": {"a": server("a", port)}, "other": {"o": server("o", other.port)}}
        applied(publisher, publisher.publish_servers(servers))
        web, clear = instance.ports["web"], instance.ports["other"]
        wait_until(lambda: answers(clear), what="the other backend answers")
        assert not answers(web)
        missing = {one.file: one.trouble for one in status_of(publisher).certificates}
        assert missing == dict.fromkeys(
            ("$SECRETS/ca.pem", "$SECRETS/own.pem"), "it is missing, and servers that need it are down"
        )
        files = {"ca.pem": known.certificate.read_bytes(), "own.pem": both(signed(tmp_path, "own", known))}
        instance.agent.material.fill("secrets", files)
        wait_until(lambda: answers(web), what="the server is trusted, and trusts us")
        wait_until(
            lambda: {one.trouble for one in status_of(publisher).certificates} == {None}, what="nothing is missing"
        )
        stranger = authority(tmp_path, "stranger")
        instance.agent.material.fill("secrets", files | {"ca.pem": stranger.certificate.read_bytes()})
        wait_until(lambda: not answers(web), what="the server is trusted no more")
        assert answers(clear)


def test_what_servers_are_shown_changes_without_a_reload(
    publisher: Publisher, instance: Instance, tmp_path: Path, known: Certificate, front: TlsFront
) -> None:
    """For servers that came at run time as well."""
    stranger = authority(tmp_path, "stranger")
    bad, good = both(signed(tmp_path, "bad", stranger)), both(signed(tmp_path, "good", known))
    instance.agent.material.fill("secrets", {"own.pem": bad})
    applied(publisher, publisher.publish_parts(parts(certificate="$SECRETS/own.pem")))
    port = int(front.address.rpartition(":")[2])
    applied(publisher, publisher.publish_servers({"app": {"a": server("a", port)}}))
    reloads = status_of(publisher).counters["reload"]
    assert not answers(instance.ports["web"])
    instance.agent.material.fill("secrets", {"own.pem": good})
    wait_until(lambda: answers(instance.ports["web"]), what="the server trusts us")
    assert status_of(publisher).counters["reload"] == reloads
