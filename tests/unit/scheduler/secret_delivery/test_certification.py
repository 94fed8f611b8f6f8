"""How an instance's own certificate is signed: the conversation, new and broken authorities, hostile instances."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pool_executor.contract.secrets import SecretsQuestion, decode_answer, encode_question
from scheduler.secret_delivery import Courier
from scheduler.secret_stores.directory import DirectoryStore
from sdk.mesos.conversation import Conversation, Kind, Piece, decode, executors_context
from tests.support.tls import Certificate, authority, trusted
from tests.support.wait import wait_until
from tests.unit.scheduler.secret_delivery.mesos import AGENT, Instance, Mesos
from tests.unit.scheduler.secret_delivery.test_signing import asking


class System:
    """A courier with an authority in a file that may not be there yet, and a running instance of the pool `shop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ca.pem"
        self.mesos = Mesos()
        self.shop = self.mesos.launch("shop", "shop-1", folder)
        self.courier: Courier | None = None

    def begin(self, authority: Path | None) -> Courier:
        """A process takes charge."""
        self.end()
        store = DirectoryStore(self.folder)
        self.courier = Courier(
            self.mesos,  # type: ignore[arg-type]
            store,
            patterns=("*",),
            refresh=60.0,
            authority=authority,
        )
        self.courier.start()
        self.courier.pools_are({"shop": {}, "other": {}}, certified={"shop"})
        return self.courier

    def put(self, ca: Certificate) -> None:
        new = self.folder / "new"
        new.write_bytes(ca.certificate.read_bytes() + ca.key.read_bytes())
        new.rename(self.file)

    def look(self) -> None:
        """As it would within ten seconds."""
        assert self.courier is not None
        self.courier.instances_changed()

    def end(self) -> None:
        if self.courier is not None:
            self.courier.stop()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.end()
    made.mesos.close()


def served(instance: Instance) -> bytes:
    return instance.own.content()


def trouble(instance: Instance) -> str:
    return instance.material.trouble("autocert/autocert.pem") or ""


def certificates(data: bytes) -> bytes:
    return data[: data.index(b"-----BEGIN PRIVATE KEY")]


def test_an_instance_has_its_certificate_signed_and_its_key_stays_with_it(system: System, tmp_path: Path) -> None:
    """It signs itself before; the chain is what clients of the root trust."""
    root = authority(tmp_path, "root")
    middle = authority(tmp_path, "middle", root)
    alone = served(system.shop)
    assert not trusted(tmp_path, certificates(alone), root, "shop")
    system.put(middle)
    system.begin(system.file)
    chain = wait_until(system.shop.own.chain, what="the chain")
    assert trusted(tmp_path, chain, root, "shop", "host")
    assert served(system.shop) == chain + alone[len(certificates(alone)) :]
    assert system.shop.material.get("autocert/autocert.pem") == served(system.shop)
    key = base64.b64decode(b"".join(alone[len(certificates(alone)) :].splitlines()[1:-1]))
    assert not [sent for sent in system.mesos.crossed if key in sent or b"PRIVATE" in sent]


def test_addresses_are_those_that_mesos_tells(system: System, tmp_path: Path) -> None:
    """The agent's, or those of the container on a network of its own; each instance gets its own."""
    ca = authority(tmp_path, "ca")
    system.put(ca)
    there = system.mesos.launch("shop", "shop-2", tmp_path, addresses=("10.9.8.7", "fd00::7"))
    system.begin(system.file)
    here_chain, there_chain = (wait_until(one.own.chain, what="the chain") for one in (system.shop, there))
    assert trusted(tmp_path, here_chain, ca, "10.0.0.1")
    assert not trusted(tmp_path, here_chain, ca, "10.9.8.7")
    assert trusted(tmp_path, there_chain, ca, "10.9.8.7", "fd00::7")
    assert not trusted(tmp_path, there_chain, ca, "10.0.0.1")


def test_what_is_good_is_not_signed_again_and_another_authority_is_taken_up(system: System, tmp_path: Path) -> None:
    """When another process takes charge, and when the file is replaced."""
    one, other = authority(tmp_path, "one"), authority(tmp_path, "other")
    system.put(one)
    system.begin(system.file)
    chain = wait_until(system.shop.own.chain, what="the chain")
    asked = system.mesos.told["shop-1"]
    system.begin(system.file)
    wait_until(lambda: system.mesos.told["shop-1"] >= asked + 3, what="the answer of the next process")
    assert system.shop.own.chain() == chain
    system.put(other)
    system.look()
    wait_until(lambda: system.shop.own.chain() != chain, what="another chain")
    assert trusted(tmp_path, system.shop.own.chain() or b"", other, "shop")


def test_a_broken_authority_is_told_and_takes_nothing_away(system: System, tmp_path: Path) -> None:
    """Without a certificate of its, the instance signs itself until there is one."""
    system.begin(system.file)
    wait_until(lambda: "EDGELB_AUTOCERT_CA) cannot be used: No such file" in trouble(system.shop), what="the trouble")
    assert trouble(system.shop).endswith("; it signs itself")
    assert system.shop.own.chain() is None
    assert b"BEGIN PRIVATE KEY" in (system.shop.material.get("autocert/autocert.pem") or b"")
    ca = authority(tmp_path, "ca")
    system.put(ca)
    system.look()
    chain = wait_until(system.shop.own.chain, what="the chain")
    assert not trouble(system.shop)
    system.file.write_bytes(b"nonsense")
    system.look()
    wait_until(lambda: "no private key in PEM; the last one stays" in trouble(system.shop), what="the trouble")
    assert system.shop.own.chain() == chain


def test_without_an_authority_it_signs_itself(system: System, tmp_path: Path) -> None:
    """Also when there was one."""
    system.put(authority(tmp_path, "ca"))
    system.begin(system.file)
    wait_until(system.shop.own.chain, what="the chain")
    system.begin(None)
    system.shop.fetcher.heard(base64.b64encode(Piece(kind=Kind.BEGIN).encode()).decode())
    wait_until(lambda: system.shop.own.chain() is None, what="its end")
    assert not trouble(system.shop)
    assert system.shop.material.get("autocert/autocert.pem") == served(system.shop)


def test_an_instance_that_asks_for_a_name_of_others_gets_none(system: System, tmp_path: Path) -> None:
    """And one of a pool without `$AUTOCERT` gets none at all; each is told so in its answer."""
    system.put(authority(tmp_path, "ca"))
    system.begin(system.file)
    wait_until(system.shop.own.chain, what="the chain")
    system.mesos.launch("other", "other-1", tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    for executor, request, why in (
        ("shop-1", asking("bank.example.com", key=key), "'bank.example.com', which is no name of this instance"),
        ("other-1", asking(subject="other", key=key), None),
    ):
        found = decode_answer(ask(system.mesos, executor, SecretsQuestion(request=request))).chain
        if why is None:
            assert found is None
        else:
            assert found is not None
            assert found.data is None
            assert why in (found.trouble or "")


def ask(mesos: Mesos, executor: str, question: SecretsQuestion) -> bytes:
    """Speak as an executor that was taken over."""
    conversation = Conversation(executors_context())
    conversation.say(encode_question(question))
    found: list[bytes] = []

    def hear(to: str, data: bytes) -> bool:
        piece = decode(data)
        if to == executor and piece is not None and piece.conversation == conversation.identity:
            text = conversation.hear(piece)
            if text is not None:
                found.append(text)
            say()
        return to == executor

    def say() -> None:
        for data in conversation.pieces():
            mesos.from_executor(AGENT, executor, data)

    mesos.lost = hear
    say()
    return wait_until(lambda: found, what="the answer")[0]


def test_a_process_that_is_not_in_charge_holds_no_key(system: System, tmp_path: Path) -> None:
    """The one that is reads it itself."""
    system.put(authority(tmp_path, "ca"))
    courier = system.begin(system.file)
    wait_until(system.shop.own.chain, what="the chain")
    system.mesos.leading = False
    system.look()
    wait_until(lambda: courier._certification._authority is None, what="it is forgotten")


def test_a_file_that_cannot_be_read_says_so(system: System) -> None:
    """A folder in its place, here: root may read everything else."""
    system.file.mkdir()
    system.begin(system.file)
    wait_until(lambda: "Is a directory" in trouble(system.shop), what="the trouble")
