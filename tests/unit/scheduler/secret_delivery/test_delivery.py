"""From the store to the instance: who gets what, when it changes or fails, and that nobody reads it on the way."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.secret_delivery import Courier
from scheduler.secret_delivery.answers import MOST_TOGETHER
from scheduler.secret_stores import Store, StoreAway
from scheduler.secret_stores.directory import DirectoryStore
from scheduler.secret_stores.names import DEFAULT_PATTERNS
from scheduler.secret_stores.settings import SecretSettings, open_store
from sdk.mesos.conversation import Conversation, Kind, Piece, decode, executors_context
from sdk.model.ids import AgentId
from tests.support.secret_servers import VaultServer
from tests.support.wait import wait_until
from tests.unit.scheduler.secret_delivery.mesos import AGENT, Mesos

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class System:
    """A courier with a folder as its store, and Mesos around it."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        self.base = folder / "store"
        self.base.mkdir(exist_ok=True)
        self.mesos = Mesos()
        self.store = store or DirectoryStore(self.base)
        self.couriers: list[Courier] = []
        self.begin()

    def begin(self) -> None:
        """A process takes charge."""
        courier = Courier(self.mesos, self.store, patterns=DEFAULT_PATTERNS, refresh=0.05)  # type: ignore[arg-type]
        courier.start()
        self.couriers.append(courier)

    @property
    def courier(self) -> Courier:
        return self.couriers[-1]

    def put(self, secret: str, value: bytes) -> None:
        path = self.base / secret
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.write_bytes(value)
        new.rename(path)

    def close(self) -> None:
        for courier in self.couriers:
            courier.stop()
        self.mesos.close()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.close()


def test_an_instance_gets_the_secrets_of_its_pool_and_nobody_sees_them_on_the_way(system: System) -> None:
    """By the names that the pool gives them, whichever was there first."""
    system.put("cert", PEM)
    system.put("shop/key", b"\x00 binary")
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    other = system.mesos.launch("other", "other-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "/cert", "key": "shop/key"}, "other": {}})
    wait_until(lambda: shop.has("web.pem") == PEM and shop.has("key") == b"\x00 binary", what="the secrets")
    assert shop.changes == 1
    late = system.mesos.launch("shop", "shop-2", system.folder)
    system.courier.instances_changed()
    wait_until(lambda: late.has("web.pem") == PEM, what="the secrets of an instance that came later")
    assert other.changes == 0
    assert not [message for message in system.mesos.crossed if b"BEGIN CERT" in message or b"binary" in message]


def test_a_changed_secret_arrives_and_nothing_else_is_sent(system: System) -> None:
    """Rotation; the instance goes on with what it has meanwhile."""
    system.put("cert", PEM)
    system.put("big", b"x" * 200_000)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert", "big": "big"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    before = sum(map(len, system.mesos.crossed))
    system.put("cert", PEM + PEM)
    wait_until(lambda: shop.has("web.pem") == PEM + PEM, what="the new one")
    assert sum(map(len, system.mesos.crossed)) - before < 50_000


def test_what_is_gone_stays_as_it_was_last_and_is_said_to_be_gone(system: System) -> None:
    """A deleted secret must not end HTTPS for all."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert", "never": "never"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    assert "never is not in the folder" in shop.trouble("never")
    assert shop.has("never") is None
    (system.base / "cert").unlink()
    wait_until(lambda: "cert is not in the folder" in shop.trouble("web.pem"), what="the trouble")
    assert shop.trouble("web.pem").endswith("the last one stays")
    assert shop.has("web.pem") == PEM
    system.put("cert", PEM)
    wait_until(lambda: not shop.trouble("web.pem"), what="the end of the trouble")


def test_a_new_process_in_charge_that_cannot_read_the_store_takes_nothing_away(system: System) -> None:
    """It has no last value itself; the instance has."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    system.courier.stop()
    system.base.rename(system.folder / "away")
    system.begin()
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: "cannot be read" in shop.trouble("web.pem"), what="the trouble")
    assert shop.has("web.pem") == PEM
    (system.folder / "away").rename(system.base)
    wait_until(lambda: not shop.trouble("web.pem"), what="the store's return")


def test_a_secret_that_the_pool_may_not_have_is_not_even_read(system: System) -> None:
    """Its sentence names the setting; the pool's other secrets are not concerned."""
    system.put("finance/password", b"not for pools")
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert", "x": "finance/password", "y": "../store/cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    assert "EDGELB_SECRET_PATHS" in shop.trouble("x")
    assert "cannot be the name of a secret" in shop.trouble("y")
    assert shop.has("x") is None
    assert shop.has("y") is None


def test_secrets_that_the_pool_does_not_name_any_more_leave_the_instance(system: System) -> None:
    """Also when it names none."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    system.courier.pools_are({"shop": {}})
    wait_until(lambda: shop.has("web.pem") is None, what="its removal")


def test_a_pool_that_cannot_be_read_keeps_its_secrets(system: System) -> None:
    """Its instances stay, and so does what they serve with, new or old."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    system.courier.pools_are({}, keep=["shop", "unheard-of"])
    system.put("cert", PEM + PEM)
    wait_until(lambda: shop.has("web.pem") == PEM + PEM, what="the new one")


@pytest.mark.parametrize("lost", range(6))
def test_any_message_may_get_lost(system: System, lost: int) -> None:
    """Mesos does not promise them: the conversation is begun anew until it went well."""
    count = -1

    def lose(_to: str, _data: bytes) -> bool:
        nonlocal count
        count += 1
        return count == lost

    system.mesos.lost = lose
    system.put("cert", PEM * 4000)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM * 4000, what="the secret", timeout=20)


def test_another_process_takes_over_in_the_middle_of_a_conversation(system: System) -> None:
    """It does not know of it, says so, and the instance begins again."""
    system.put("cert", PEM)
    first = system.courier
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    begun: list[bytes] = []

    def take_over(to: str, data: bytes) -> bool:
        piece = decode(data)
        if to == "shop-1" and piece is not None and piece.kind is Kind.SAID and not begun:
            begun.append(data)
            system.begin()
            system.courier.pools_are({"shop": {"web.pem": "cert"}})
        return False

    system.mesos.lost = take_over
    first.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    assert begun


def test_who_is_none_of_ours_is_not_answered(system: System) -> None:
    """The right executor on another agent, an executor of nobody, and one whose task is over."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    system.mesos.end("shop")
    answered: list[str] = []

    def note(to: str, _data: bytes) -> bool:
        answered.append(to)
        return True

    system.courier.instances_changed()
    wait_until(lambda: not system.mesos.records("shop"), what="the end")
    system.mesos.lost = lambda to, data: note(to, data) if to != "scheduler" else False
    count = len(system.mesos.crossed)
    for agent, executor in ((AgentId("agent-2"), "shop-1"), (AGENT, "nobody"), (AgentId("agent-2"), "other-1")):
        conversation = Conversation(executors_context())
        conversation.say(b'{"have": {}}')
        for data in conversation.pieces():
            system.mesos.from_executor(agent, executor, data)
    # What comes behind them is answered, so that they were looked at.
    asks = system.mesos.launch("shop", "shop-2", system.folder)
    system.mesos.lost = lambda to, data: note(to, data) and to == "shop-1"
    system.courier.instances_changed()
    wait_until(lambda: asks.has("web.pem") == PEM, what="the secret of another instance")
    assert len(system.mesos.crossed) > count
    assert set(answered) <= {"shop-2", "scheduler"}


def test_an_instance_of_another_pool_that_asks_gets_what_its_own_pool_names(system: System) -> None:
    """A question names neither pool nor secret, and files of the same name are not the same."""
    system.put("cert", PEM)
    system.put("other/cert", PEM + PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    none = system.mesos.launch("none", "none-1", system.folder)
    other = system.mesos.launch("other", "other-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}, "none": {}, "other": {"web.pem": "other/cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    wait_until(lambda: other.has("web.pem") == PEM + PEM, what="the secret of the other pool")
    before = system.mesos.told.copy()
    for asks in (none, other):
        asks.fetcher.heard(base64.b64encode(Piece(kind=Kind.BEGIN).encode()).decode())
    # What TLS begins with, and the answer.
    for task in ("none-1", "other-1"):
        wait_until(lambda task=task: system.mesos.told[task] >= before[task] + 2, what="the answer")
    system.put("cert", PEM * 3)
    wait_until(lambda: shop.has("web.pem") == PEM * 3, what="what comes after they were answered")
    assert none.has("web.pem") is None
    assert other.has("web.pem") == PEM + PEM


def test_odd_messages_of_an_executor_change_nothing_for_others(system: System) -> None:
    """A taken-over instance may say anything."""
    system.put("cert", PEM)
    odd = system.mesos.launch("odd", "odd-1", system.folder)
    system.courier.pools_are({"odd": {"a": "cert"}, "shop": {"web.pem": "cert"}})
    wait_until(lambda: odd.has("a") == PEM, what="the secret")
    say = lambda data: system.mesos.from_executor(AGENT, "odd-1", data)  # noqa: E731
    for data in (b"", b"x" * 1_000_000, b"talk", Piece(kind=Kind.BEGIN).encode(), Piece(kind=Kind.UNKNOWN).encode()):
        say(data)
    say(Piece(kind=Kind.SAID, conversation=b"c" * 16, data=b"no TLS at all").encode())
    say(Piece(kind=Kind.SAID, conversation=b"c" * 16, number=7, data=b"").encode())
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.instances_changed()
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret of another pool")


def test_a_pool_with_too_many_secrets_gets_as_many_as_fit(system: System) -> None:
    """Both sides hold them in memory; the others are named."""
    system.mesos.answer = 60.0
    for number in range(60):
        system.put(f"s{number:02}", bytes(250_000))
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {f"f{number:02}": f"s{number:02}" for number in range(60)}})
    wait_until(lambda: shop.has("f00") is not None, what="the first", timeout=30)
    fit = MOST_TOGETHER // 250_000
    assert shop.has(f"f{fit - 1}") is not None
    assert "is too much" in shop.trouble(f"f{fit}")


def test_a_process_that_is_not_in_charge_forgets_them(system: System) -> None:
    """Whoever is in charge reads the store; a standby holds no keys."""
    system.put("cert", PEM)
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret")
    reader = system.courier._reader
    assert reader.get("cert") is not None
    system.mesos.leading = False
    system.courier.instances_changed()
    wait_until(lambda: reader.get("cert") is None, what="the secret is forgotten")


def test_a_process_that_comes_into_charge_reads_what_it_was_told_before(system: System) -> None:
    """Pools need not change for that; again after it was not in charge for a while."""
    system.put("cert", PEM)
    system.mesos.leading = False
    system.courier.pools_are({"shop": {"web.pem": "cert"}})
    system.courier.instances_changed()
    reader = system.courier._reader
    wait_until(lambda: not reader._wanted, what="nothing is read")
    system.mesos.leading = True
    shop = system.mesos.launch("shop", "shop-1", system.folder)
    system.courier.instances_changed()
    wait_until(lambda: shop.has("web.pem") == PEM, what="the secret", timeout=20)


def test_a_store_that_is_away_is_not_asked_for_each_secret_in_turn(tmp_path: Path) -> None:
    """Hundreds of secrets, each waited for in vain, would keep those of others from being read when it is back."""
    token = tmp_path / "token"
    token.write_text("root-token\n")
    server = VaultServer(2)
    server.start()
    server.secrets["cert"] = PEM.decode()
    store = open_store(SecretSettings(store="vault", url=server.url, token_file=token, patience=0.0))
    server.stop()
    system = System(tmp_path, store)
    try:
        shop = system.mesos.launch("shop", "shop-1", tmp_path)
        names = {"web.pem": "cert"} | {f"f{number}": f"s{number}" for number in range(200)}
        system.courier.pools_are({"shop": names})
        wait_until(lambda: "does not answer" in shop.trouble("f199"), what="the trouble", timeout=20)
        server.start()
        wait_until(lambda: shop.has("web.pem") == PEM, what="the store's return", timeout=20)
        assert "s7 is not in Vault" in shop.trouble("f7")
    finally:
        system.close()
        server.stop()


class OddStore:
    """Has secrets, and trips over those whose names begin with `odd`."""

    name = "an odd store"

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        if secret.startswith("odd"):
            raise StoreAway(f"{self.name} answers 500 for {secret}")
        return PEM

    def check(self) -> None:
        """See `Store`: it is there."""


def test_a_secret_that_the_store_trips_over_keeps_no_other_pool_from_its_own(tmp_path: Path) -> None:
    """Whatever the store says to it: it is there for the others."""
    system = System(tmp_path, OddStore())
    try:
        shop = system.mesos.launch("shop", "shop-1", tmp_path)
        system.courier.pools_are(
            {"shop": {f"f{number}": f"shop/{number}" for number in range(50)}, "other": {"x": "odd1", "y": "odd2"}}
        )
        wait_until(lambda: shop.has("f49") == PEM, what="the secrets", timeout=20)
    finally:
        system.close()
