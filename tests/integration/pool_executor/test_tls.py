"""Listeners that speak TLS: which certificate a client gets, what waits for one that is missing, and new ones."""

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pool_executor.contract import InstanceStatus
from pool_executor.contract.secrets import SecretFile
from scheduler.pools.model import PoolType
from sdk.local.zookeeper import ZooKeeperServer
from tests.integration.pool_executor.harness import Publisher, applied
from tests.integration.pool_executor.tls_instance import Instance, connected, context, der, greet, parts
from tests.support.autocert import signed_for
from tests.support.haproxies import BOTH
from tests.support.tls import authority, ocsp_answer, pem, stapled
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

HTTPS = {"protocol": "HTTPS", "certificates": ["$SECRETS/web.pem"]}
PLAIN = {"protocol": "HTTP"}


@pytest.fixture
def instance(zookeeper: ZooKeeperServer, zk_root: str, tmp_path: Path, binary: str) -> Iterator[Instance]:
    """One whose room is empty."""
    found = Instance(zookeeper.address, zk_root, tmp_path / "sandbox", binary)
    yield found
    found.close()


def fill(instance: Instance, **files: bytes) -> None:
    """The secrets are these."""
    instance.agent.material.fill("secrets", {f"{name}.pem": data for name, data in files.items()})


def status_of(publisher: Publisher) -> InstanceStatus:
    return publisher.statuses()["task-1"]


def plain_answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.recv(12)


def test_the_name_that_is_asked_for_chooses_the_certificate(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Of two for one name the first of the pool counts, and the first of all answers every other client."""
    certificates = {
        "z": pem(tmp_path, "z", "z.test"),
        "a": pem(tmp_path, "a", "a.test", "both.test"),
        "b": pem(tmp_path, "b", "b.test", "both.test", "*.wild.test"),
    }
    fill(instance, **certificates)
    names = [f"$SECRETS/{name}.pem" for name in certificates]
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"certificates": names})))
    port = instance.ports["web"]
    asked = (None, "z.test", "a.test", "b.test", "both.test", "x.wild.test", "unknown.test")
    found = {name: greet(port, name).certificate for name in asked}
    expected = {name: der(certificates[of]) for name, of in zip(asked, "zzabab" + "z", strict=True)}
    assert found == expected


def test_a_generated_pool_serves_without_a_certificate_of_one(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Who named it waits alone; when it comes it is shown by the same HAProxy, without a reload."""
    web, late = pem(tmp_path, "web", "web.test"), pem(tmp_path, "late", "late.test")
    fill(instance, web=web)
    names = ["$SECRETS/web.pem", "$SECRETS/late.pem"]
    applied(publisher, publisher.publish_parts(parts(PoolType.DYNAMIC, web=HTTPS | {"certificates": names})))
    port, reloads = instance.ports["web"], status_of(publisher).counters["reload"]
    assert greet(port, "web.test").certificate == der(web)
    assert greet(port, "late.test").certificate == der(web)
    assert [one.file for one in status_of(publisher).certificates if one.trouble] == ["$SECRETS/late.pem"]
    fill(instance, web=web, late=late)
    wait_until(lambda: greet(port, "late.test").certificate == der(late), what="the late certificate")
    assert greet(port, "web.test").certificate == der(web)
    assert status_of(publisher).counters["reload"] == reloads


def test_clients_choose_between_http_2_and_1(publisher: Publisher, instance: Instance, tmp_path: Path) -> None:
    """Where the pool does not switch it off; a frontend of protocol TLS offers neither."""
    fill(instance, web=pem(tmp_path, "web"))
    shape = parts(web=HTTPS, other=HTTPS | {"tls": {"http2": False}})
    applied(publisher, publisher.publish_parts(shape))
    both = context()
    both.set_alpn_protocols(["h2", "http/1.1"])
    assert greet(instance.ports["web"], None, both).protocol == "h2"
    assert greet(instance.ports["other"], None, both).protocol == "http/1.1"
    assert greet(instance.ports["web"]).protocol is None
    with connected(instance.ports["web"]) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 503"
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"protocol": "TLS"})))
    assert greet(instance.ports["web"], None, both).protocol is None


# Old versions are asked for on purpose.
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("policy", "spoken"),
    [
        ("modern", {"TLSv1_3"}),
        ("intermediate", {"TLSv1_2", "TLSv1_3"}),
        ("old", {"TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"}),
    ],
)
def test_a_policy_says_which_versions_are_spoken(
    publisher: Publisher, instance: Instance, tmp_path: Path, policy: str, spoken: set[str]
) -> None:
    """Of Mozilla's three."""
    fill(instance, web=pem(tmp_path, "web"))
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"tls": {"policy": policy}})))
    found = set()
    for version in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"):
        client = context()
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = ssl.TLSVersion[version]
        try:
            greet(instance.ports["web"], None, client)
        except ssl.SSLError:
            continue
        found.add(version)
    assert found == spoken


@pytest.mark.parametrize("verify", ["required", "optional"])
def test_clients_prove_who_they_are(publisher: Publisher, instance: Instance, tmp_path: Path, verify: str) -> None:
    """By a certificate of the authority; one of another is refused, none where it is optional is not."""
    known, stranger = authority(tmp_path, "known"), authority(tmp_path, "stranger")
    fill(instance, web=pem(tmp_path, "web"), clients=known.certificate.read_bytes())
    tls = {"clientCertificates": {"ca": "$SECRETS/clients.pem", "verify": verify}}
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"tls": tls})))

    def answer(by: Path | None) -> bytes:
        client = context()
        if by is not None:
            client.load_cert_chain(by)
        try:
            with connected(instance.ports["web"], None, client) as found:
                found.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return found.recv(12)
        except (ssl.SSLError, ConnectionError):
            return b""

    for name, by in (("good", known), ("bad", stranger)):
        (tmp_path / name).write_bytes(pem(tmp_path, name, by=by))
    assert answer(tmp_path / "good") == b"HTTP/1.1 503"
    assert answer(tmp_path / "bad") == b""
    assert answer(None) == (b"" if verify == "required" else b"HTTP/1.1 503")


def test_a_listener_waits_alone_for_its_certificate(publisher: Publisher, instance: Instance, tmp_path: Path) -> None:
    """It is served when that comes; one that cannot be used is as good as none, and is named with its reason."""
    version = publisher.publish_parts(parts(web=HTTPS, other=PLAIN))
    status = applied(publisher, version)
    (waiting,) = status.structure.waiting
    assert (waiting.listener, waiting.missing) == ("web", ("the file $SECRETS/web.pem",))
    assert plain_answer(instance.ports["other"]).endswith(b" 503")
    instance.agent.material.fill("secrets", {}, {"web.pem": "the store has no such secret"})
    publisher.publish_parts(parts(web=HTTPS, other=PLAIN), again=True)
    wait_until(
        lambda: (
            status_of(publisher).structure.waiting[0].missing
            == ("the file $SECRETS/web.pem: the store has no such secret",)
        ),
        what="the trouble is told",
    )
    fill(instance, web=b"no certificate")
    publisher.publish_parts(parts(web=HTTPS, other=PLAIN), again=True)
    wait_until(
        lambda: "it holds no certificate in PEM" in status_of(publisher).structure.waiting[0].missing[0],
        what="the reason is told",
    )
    good = pem(tmp_path, "web")
    fill(instance, web=good)
    wait_until(lambda: not status_of(publisher).structure.waiting, what="nothing waits")
    assert greet(instance.ports["web"]).certificate == der(good)


def test_a_new_certificate_is_served_without_a_reload(publisher: Publisher, instance: Instance, tmp_path: Path) -> None:
    """One that cannot be used is refused, said so, and the old one stays, also in a HAProxy that is loaded anew."""
    first, second = pem(tmp_path, "first"), pem(tmp_path, "second")
    fill(instance, web=first)
    applied(publisher, publisher.publish_parts(parts(web=HTTPS)))
    port, reloads = instance.ports["web"], status_of(publisher).counters["reload"]
    assert greet(port).certificate == der(first)
    fill(instance, web=second)
    wait_until(lambda: greet(port).certificate == der(second), what="the second certificate")
    fill(instance, web=second.replace(b"PRIVATE KEY", b"PUBLIC KEY"))

    def trouble() -> str | None:
        (found,) = status_of(publisher).certificates
        return found.trouble

    wait_until(lambda: "it holds no private key" in (trouble() or ""), what="the refusal")
    assert greet(port).certificate == der(second)
    assert status_of(publisher).counters["reload"] == reloads
    applied(publisher, publisher.publish_parts(parts(web=HTTPS, other=PLAIN)))
    assert greet(port).certificate == der(second)
    fill(instance)
    wait_until(lambda: "its source does not have it any more" in (trouble() or ""), what="it is gone")
    assert greet(port).certificate == der(second)


def test_a_new_answer_of_ocsp_is_stapled_without_a_reload(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Also the first one, and after the certificate was renewed alone, when nothing can be said any more."""
    known = authority(tmp_path, "known")
    chain = known.certificate.read_bytes()
    first, second = (pem(tmp_path, name, by=known) + chain for name in ("first", "second"))
    said = {name: ocsp_answer(tmp_path, name, known) for name in ("first", "second")}

    def serve(certificate: bytes, answer: bytes | None = None) -> None:
        beside = {"web.pem.ocsp": answer} if answer is not None else {}
        instance.agent.material.fill("secrets", {"web.pem": certificate, **beside})

    serve(first)
    applied(publisher, publisher.publish_parts(parts(web=HTTPS)))
    port, reloads = instance.ports["web"], status_of(publisher).counters["reload"]
    assert stapled(port) is None
    serve(first, said["first"])
    wait_until(lambda: stapled(port) == said["first"], what="the first answer")
    serve(second, said["second"])
    wait_until(lambda: stapled(port) == said["second"], what="the second answer")
    assert greet(port).certificate == der(second)
    serve(first, said["second"])  # of another certificate
    wait_until(lambda: greet(port).certificate == der(first), what="the first certificate again")
    assert stapled(port) is None
    assert status_of(publisher).counters["reload"] == reloads


def test_a_long_chain_takes_a_reload(publisher: Publisher, instance: Instance, tmp_path: Path) -> None:
    """HAProxy takes at most some kilobytes over its socket."""
    first, second = pem(tmp_path, "first"), pem(tmp_path, "second")
    names = [f"name-{number}.of-a-long-chain.test" for number in range(100)]
    chain = b"".join(pem(tmp_path, f"ca{number}", *names).split(b"-----BEGIN PRIV")[0] for number in range(4))
    assert len(chain) > 16_384
    fill(instance, web=first)
    applied(publisher, publisher.publish_parts(parts(web=HTTPS)))
    reloads = status_of(publisher).counters["reload"]
    fill(instance, web=second + chain)
    wait_until(lambda: greet(instance.ports["web"]).certificate == der(second), what="the second certificate")
    wait_until(lambda: status_of(publisher).counters["reload"] == reloads + 1, what="one reload")


def test_the_authority_of_clients_changes_without_a_reload(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Who was good before is good no more."""
    old, new = authority(tmp_path, "old"), authority(tmp_path, "new")
    own = pem(tmp_path, "web")
    fill(instance, web=own, clients=old.certificate.read_bytes())
    tls = {"clientCertificates": {"ca": "$SECRETS/clients.pem"}}
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"tls": tls})))
    reloads = status_of(publisher).counters["reload"]
    (tmp_path / "client").write_bytes(pem(tmp_path, "client", by=new))
    client = context()
    client.load_cert_chain(tmp_path / "client")

    def let_in() -> bool:
        try:
            with connected(instance.ports["web"], None, client) as found:
                found.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return bool(found.recv(12))
        except (ssl.SSLError, ConnectionError):
            return False

    assert not let_in()
    fill(instance, web=own, clients=new.certificate.read_bytes())
    wait_until(let_in, what="the new authority")
    assert status_of(publisher).counters["reload"] == reloads


def test_what_an_authority_signs_is_shown_with_its_chain_and_without_a_reload(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Clients that know the root alone trust the instance; without an authority it is as before."""
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"certificates": ["$AUTOCERT"]})))
    port, own, reloads = instance.ports["web"], instance.agent.own_certificate, status_of(publisher).counters["reload"]
    alone = greet(port).certificate
    root = authority(tmp_path, "root")
    middle = authority(tmp_path, "middle", root)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(root.certificate)
    for _ in ("signed", "renewed"):
        chain = signed_for(own, middle, "web", "127.0.0.1")
        own.take(SecretFile(file="autocert.pem", data=chain))
        wait_until(lambda chain=chain: greet(port).certificate == der(chain), what="what was signed")
        for name in ("web", "127.0.0.1"):
            assert greet(port, name, trusting).certificate == der(chain)
    wait_until(
        lambda: [one.issuer for one in status_of(publisher).certificates] == ["Common Name: middle"], what="the status"
    )
    own.take(None)
    wait_until(lambda: greet(port).certificate == alone, what="the one that signs itself")
    wait_until(
        lambda: [one.issuer for one in status_of(publisher).certificates] == ["Common Name: web"], what="the status"
    )
    assert status_of(publisher).counters["reload"] == reloads


def test_an_instance_makes_a_certificate_of_its_own(publisher: Publisher, instance: Instance, tmp_path: Path) -> None:
    """For ten years, for its names and addresses; HAProxy that dies comes back with the same."""
    applied(publisher, publisher.publish_parts(parts(web=HTTPS | {"certificates": ["$AUTOCERT"]})))
    port = instance.ports["web"]
    own = greet(port).certificate
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(cadata=own)
    for name in ("web", os.uname().nodename, "127.0.0.1"):
        with connected(port, name, trusting) as client:
            assert client.getpeercert(binary_form=True) == own
    (status,) = wait_until(lambda: status_of(publisher).certificates, what="the status") or ()
    assert (status.file, status.subject, status.trouble) == ("$AUTOCERT", "Common Name: web", None)
    assert status.not_after is not None
    assert {"web", "127.0.0.1"} <= set(status.names)
    files = [path for path in instance.material.rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    sandbox = [path.read_text(errors="replace") for path in instance.sandbox.rglob("*") if path.is_file()]
    assert not any("PRIVATE KEY" in text for text in sandbox)
    master = status_of(publisher).haproxy.master
    assert master is not None
    os.kill(master, signal.SIGKILL)

    def again() -> bool:
        try:
            return greet(port).certificate == own
        except OSError:
            return False

    wait_until(lambda: status_of(publisher).haproxy.master not in (None, master) and again(), what="the same one")


def test_a_certificate_takes_no_host_that_it_is_not_for(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Without hosts, whoever names one exactly is shown for it, or has one of ECDSA for all below a name; with hosts
    each is shown for its own ones, and those without to all others.
    """
    certificates = {
        "keeper": pem(tmp_path, "keeper", "*.test", "www.test", key="2048"),
        "thief": pem(tmp_path, "thief", "*.test", "shop.test", "evil.test"),
        "shop": pem(tmp_path, "shop", "shop.test", key="2048"),
    }
    fill(instance, **certificates)
    names = [f"$SECRETS/{name}.pem" for name in certificates]
    shape = HTTPS | {"certificates": names}
    applied(publisher, publisher.publish_parts(parts(web=shape)))
    port = instance.ports["web"]
    asked = ("shop.test", "www.test", "blog.test", "evil.test", "a.evil.test", None, "unknown.org")

    def shown() -> list[str]:
        by_content = {der(data): name for name, data in certificates.items()}
        return [by_content[greet(port, name).certificate] for name in asked]

    assert shown() == ["thief"] * 4 + ["keeper"] * 3
    hosts = [
        {"certificate": names[1], "hosts": ["evil.test", "*.evil.test"]},
        {"certificate": names[2], "hosts": ["shop.test"]},
    ]
    applied(publisher, publisher.publish_parts(parts(web=shape | {"certificateHosts": hosts})))
    assert shown() == ["shop", "keeper", "keeper", "thief", "thief", "keeper", "keeper"]
    hosts[0] = {"certificate": names[1], "hosts": ["*.test", "!shop.test", "!www.test"]}
    applied(publisher, publisher.publish_parts(parts(web=shape | {"certificateHosts": hosts})))
    assert shown() == ["shop", "keeper", "thief", "thief", "keeper", "keeper", "keeper"]
    hosts[0] = {"certificate": names[1], "hosts": []}
    applied(publisher, publisher.publish_parts(parts(web=shape | {"certificateHosts": hosts})))
    assert shown() == ["shop", "keeper", "keeper", "keeper", "keeper", "keeper", "keeper"]


def test_who_keeps_the_port_takes_no_host_that_another_certificate_is_for(
    publisher: Publisher, instance: Instance, tmp_path: Path
) -> None:
    """Also when it names that host, or is renewed with other names; what is for one host is renewed at run time."""
    shop, again = (pem(tmp_path, name, "shop.test", key="2048") for name in ("shop", "again"))
    keeper = pem(tmp_path, "keeper", "keeper.test")
    greedy = pem(tmp_path, "greedy", "*.test", "shop.test", "more.test")
    fill(instance, keeper=keeper, shop=shop)
    names = ["$SECRETS/keeper.pem", "$SECRETS/shop.pem"]
    hosts = [{"certificate": names[1], "hosts": ["shop.test"]}]
    shape = HTTPS | {"certificates": names, "certificateHosts": hosts}
    applied(publisher, publisher.publish_parts(parts(web=shape)))
    port = instance.ports["web"]
    assert greet(port, "shop.test").certificate == der(shop)
    reloads = status_of(publisher).counters["reload"]

    fill(instance, keeper=keeper, shop=again)
    wait_until(lambda: greet(port, "shop.test").certificate == der(again), 20, "the renewed certificate of the shop")
    assert status_of(publisher).counters["reload"] == reloads

    fill(instance, keeper=greedy, shop=again)
    wait_until(lambda: greet(port, "more.test").certificate == der(greedy), 20, "the names of the other one")
    assert greet(port, "shop.test").certificate == der(again)
    assert greet(port, "keeper.test").certificate == der(greedy)
