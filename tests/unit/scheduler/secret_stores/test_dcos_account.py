"""A service account of DC/OS: its key becomes a token, and nobody sees the key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scheduler.secret_stores import StoreAway
from scheduler.secret_stores.settings import SecretSettings, open_store
from sdk.errors import InvalidSpec
from tests.support.secret_servers import DcosServer

KEY = rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def server() -> Iterator[DcosServer]:
    made = DcosServer()
    made.accounts["edge-lb-principal"] = KEY.public_key()
    made.start()
    yield made
    made.stop()


def account(folder: Path, key: str, uid: object = "edge-lb-principal") -> Path:
    path = folder / "account.json"
    endpoint = "https://leader.mesos/acs/api/v1/auth/login"
    path.write_text(json.dumps({"scheme": "RS256", "uid": uid, "private_key": key, "login_endpoint": endpoint}))
    return path


def test_it_logs_in_once_and_again_when_its_token_is_not_taken(server: DcosServer, tmp_path: Path) -> None:
    """DC/OS forgets tokens when an account changes."""
    server.secrets["web"] = "one"
    store = open_store(SecretSettings(store="dcos", url=server.url, account_file=account(tmp_path, pem(KEY))))
    assert store.read("web") == b"one"
    assert store.read("web") == b"one"
    store.check()
    assert len([line for line in server.asked if "login" in line]) == 1
    server.tokens.clear()
    assert store.read("web") == b"one"
    server.tokens.clear()
    server.accounts.clear()
    with pytest.raises(StoreAway, match="does not let the service account edge-lb-principal in"):
        store.read("web")


@pytest.mark.parametrize("key", ["", "no key", pem(ec.generate_private_key(ec.SECP256R1())), pem(KEY)[:900]])
def test_a_file_that_holds_no_account_is_refused_without_being_shown(key: str, tmp_path: Path) -> None:
    """At the start of the scheduler."""
    with pytest.raises(InvalidSpec, match="EDGELB_SECRET_ACCOUNT_FILE") as caught:
        open_store(SecretSettings(store="dcos", url="https://leader", account_file=account(tmp_path, key)))
    assert "PRIVATE" not in str(caught.value)
    assert caught.value.__cause__ is None
