"""What every store of secrets does, on real folders, variables and HTTP servers."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from scheduler.secret_stores import NoSecret, Store, StoreAway
from scheduler.secret_stores.directory import DirectoryStore
from scheduler.secret_stores.environment import EnvironmentStore
from scheduler.secret_stores.settings import SecretSettings, open_store
from scheduler.secret_stores.store import MOST_BYTES
from tests.support.secret_servers import DcosServer, Role, SecretServer, VaultServer
from tests.support.tls import Certificate, authority, signed

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@dataclass(kw_only=True)
class Place:
    """A store, and what can be done with what is behind it."""

    store: Store
    put: Callable[[str, str], None]
    remove: Callable[[str], None]
    leave: Callable[[], None] | None
    """Have it be away; None for what is always there."""
    come_back: Callable[[], None] | None = None
    shown: tuple[str, ...] = ()
    """What is shown to it and nobody else may see."""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificate, Certificate]:
    """An authority and a server's certificate that it signed."""
    folder = tmp_path_factory.mktemp("ca")
    own = authority(folder, "ca")
    return own, signed(folder, "store", own)


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text + "\n")
    return path


def _directory(folder: Path) -> Place:
    base = folder / "secrets"
    base.mkdir()

    def put(name: str, value: str) -> None:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(value)

    return Place(
        store=DirectoryStore(base),
        put=put,
        remove=lambda name: (base / name).unlink(),
        leave=lambda: base.rename(folder / "away") and None,
        come_back=lambda: (folder / "away").rename(base) and None,
    )


def _environment() -> Place:
    variables: dict[str, str] = {}

    def variable(name: str) -> str:
        return "EDGELB_SECRET_VALUE_" + name.upper().replace("/", "__").replace(".", "_").replace("-", "_")

    return Place(
        store=EnvironmentStore(variables),
        put=lambda name, value: variables.__setitem__(variable(name), value),
        remove=lambda name: variables.pop(variable(name)) and None,
        leave=None,
    )


def _served(server: SecretServer, store: Store, shown: str) -> Place:
    return Place(
        store=store,
        put=lambda name, value: server.secrets.__setitem__(name, value),
        remove=lambda name: server.secrets.pop(name) and None,
        leave=server.stop,
        come_back=server.start,
        shown=(shown,),
    )


@pytest.fixture(
    params=["directory", "environment", "dcos", "dcos by TLS", "vault 1", "vault 2", "vault by AppRole, TLS"]
)
def place(request: pytest.FixtureRequest, tmp_path: Path, ca: tuple[Certificate, Certificate]) -> Iterator[Place]:
    kind = request.param
    if kind == "directory":
        yield _directory(tmp_path)
        return
    if kind == "environment":
        yield _environment()
        return
    certificate = ca[1] if "TLS" in kind else None
    server: SecretServer
    if kind.startswith("dcos"):
        server = DcosServer(certificate)
        server.start()
        settings = SecretSettings(
            store="dcos", url=server.url, ca=ca[0].certificate, token_file=_file(tmp_path, "token", "an-acs-token"),
            patience=0.2,
        )  # fmt: skip
        shown = "an-acs-token"
    else:
        server = VaultServer(1 if "1" in kind else 2, certificate)
        server.start()
        settings = SecretSettings(
            store="vault", url=server.url, ca=ca[0].certificate, token_file=_file(tmp_path, "token", "root-token"),
            kv_version=server.version, patience=0.2,
        )  # fmt: skip
        shown = "root-token"
        if "AppRole" in kind:
            server.role, shown = Role("edgelb", "the-secret-id"), "the-secret-id"
            settings = SecretSettings(
                store="vault", url=server.url, ca=ca[0].certificate, role_id="edgelb",
                role_secret_file=_file(tmp_path, "role", "the-secret-id"), patience=0.2,
            )  # fmt: skip
    yield _served(server, open_store(settings), shown)
    server.stop()


def test_a_secret_is_read_as_it_was_put_and_anew_each_time(place: Place) -> None:
    """Nothing is kept in between, and line breaks at the end belong to it."""
    place.put("web/cert.pem", PEM)
    assert place.store.read("web/cert.pem") == PEM.encode()
    place.put("web/cert.pem", "another ü")
    assert place.store.read("web/cert.pem") == "another ü".encode()


def test_what_is_not_there_or_of_no_use_is_told_with_its_name(place: Place) -> None:
    """Missing, empty, too large."""
    with pytest.raises(NoSecret, match="web/cert"):
        place.store.read("web/cert")
    place.put("web/cert", "")
    with pytest.raises(NoSecret, match=r"web/cert .*is empty"):
        place.store.read("web/cert")
    place.put("web/cert", "x" * (MOST_BYTES + 1))
    with pytest.raises(NoSecret, match=r"web/cert .*has more than 262144 bytes"):
        place.store.read("web/cert")
    place.put("web/cert", "x" * MOST_BYTES)
    assert len(place.store.read("web/cert")) == MOST_BYTES
    place.remove("web/cert")
    with pytest.raises(NoSecret):
        place.store.read("web/cert")


def test_a_store_that_is_away_is_no_missing_secret(place: Place) -> None:
    """Whoever keeps the last value must know the difference, and the store is used again when it is back."""
    place.put("web", "one")
    place.store.check()
    if place.leave is None:
        return
    assert place.come_back is not None
    place.leave()
    with pytest.raises(StoreAway):
        place.store.read("web")
    with pytest.raises(StoreAway):
        place.store.check()
    place.come_back()
    place.store.check()
    assert place.store.read("web") == b"one"


def test_neither_secrets_nor_what_is_shown_to_the_store_are_in_its_words(place: Place) -> None:
    """Errors go to logs and tables."""
    place.put("web", "x" * (MOST_BYTES + 1))
    words = [place.store.name, repr(place.store)]
    for secret in ("web", "nothing"):
        with pytest.raises(NoSecret) as caught:
            place.store.read(secret)
        words += [str(caught.value), repr(caught.value)]
    if place.leave is not None:
        place.leave()
        with pytest.raises(StoreAway) as away:
            place.store.check()
        words.append(str(away.value))
    for secret in ("xxxx", *place.shown):
        assert not any(secret in word for word in words)


def test_threads_share_a_store(place: Place) -> None:
    """Instances ask when they like."""
    names = [f"cert-{number}" for number in range(20)]
    for name in names:
        place.put(name, f"value of {name}")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(place.store.read, names))
    assert read == [f"value of {name}".encode() for name in names]


# ---------------------------------------------------------------------------------------------------- one kind each


def test_a_folder_gives_nothing_that_is_outside_of_it_or_no_file(tmp_path: Path) -> None:
    """Links may lead to other files of the folder, as mounts of secrets have them."""
    base, outside = tmp_path / "secrets", tmp_path / "outside"
    (base / "..data").mkdir(parents=True)
    (base / "..data" / "cert").write_text("inside")
    (base / "cert").symlink_to("..data/cert")
    outside.write_text("secret of others")
    (base / "leads-out").symlink_to(outside)
    (base / "folder").mkdir()
    os.mkfifo(base / "pipe")
    store = DirectoryStore(base)
    assert store.read("cert") == b"inside"
    for name, why in (
        ("leads-out", "leads out"),
        ("folder", "is no file"),
        ("pipe", "is no file"),
        ("cert/x", "is not in"),
    ):
        with pytest.raises(NoSecret, match=why):
            store.read(name)


def test_vault_values_have_names(tmp_path: Path) -> None:
    """`#NAME` chooses one; what the others are called is told, what they are is not."""
    server = VaultServer(2)
    server.start()
    try:
        server.maps["web"] = {"pem": PEM, "password": "do not tell", "number": 7}
        store = open_store(
            SecretSettings(store="vault", url=server.url, token_file=_file(tmp_path, "token", "root-token"))
        )
        assert store.read("web#pem") == PEM.encode()
        with pytest.raises(NoSecret, match="no text named value; it has number, password, pem") as caught:
            store.read("web")
        assert "do not tell" not in str(caught.value)
        with pytest.raises(NoSecret, match="no text named number"):
            store.read("web#number")
    finally:
        server.stop()


def test_an_approle_logs_in_again_when_its_token_is_not_taken_any_more(tmp_path: Path) -> None:
    """Vault may have been sealed, restored or told to forget tokens."""
    server = VaultServer(2)
    server.role = Role("edgelb", "the-secret-id")
    server.start()
    try:
        server.secrets["web"] = "one"
        store = open_store(
            SecretSettings(
                store="vault", url=server.url, role_id="edgelb", role_secret_file=_file(tmp_path, "r", "the-secret-id")
            )
        )
        assert store.read("web") == b"one"
        assert store.read("web") == b"one"
        logins = [line for line in server.asked if "login" in line]
        assert len(logins) == 1
        server.tokens.clear()
        assert store.read("web") == b"one"
        server.role = None
        server.tokens.clear()
        with pytest.raises(StoreAway, match="does not let the AppRole in") as caught:
            store.read("web")
        assert "the-secret-id" not in str(caught.value)
    finally:
        server.stop()


def test_a_token_that_is_renewed_in_its_file_is_used_at_once(tmp_path: Path) -> None:
    """Tokens of DC/OS end after days."""
    server = DcosServer()
    server.start()
    try:
        server.secrets["web"] = b"\x00\xff binary"
        token = _file(tmp_path, "token", "an-old-token")
        store = open_store(SecretSettings(store="dcos", url=server.url, token_file=token))
        with pytest.raises(StoreAway, match="does not know our token"):
            store.read("web")
        with pytest.raises(StoreAway, match="does not know our token"):
            store.check()
        token.write_text("an-acs-token\n")
        assert store.read("web") == b"\x00\xff binary"
        server.denied.add("web")
        with pytest.raises(NoSecret, match="may not read it"):
            store.read("web")
        token.unlink()
        with pytest.raises(StoreAway, match="EDGELB_SECRET_TOKEN_FILE"):
            store.read("web")
    finally:
        server.stop()


def test_no_variable_is_a_secret_of_two_folders() -> None:
    """A pool that may not read from a folder must not get at it by another name."""
    store = EnvironmentStore({"EDGELB_SECRET_VALUE_SHOP__KEY": "s", "EDGELB_SECRET_VALUE_A___B": "s"})
    assert store.read("shop/key") == b"s"
    for other in ("shop_key", "shop__key", "shop._key", "a_/b", "a/_b", "a___b"):
        with pytest.raises(NoSecret, match=other):
            store.read(other)
