"""What the settings of the store ask for, before anybody is asked."""

import re
from pathlib import Path

import pytest

from scheduler.secret_stores.settings import VARIABLES, SecretSettings, open_store
from sdk.errors import InvalidSpec


def test_a_folder_is_what_there_is_unless_told_otherwise() -> None:
    """It need not exist yet."""
    assert "the folder" in open_store(SecretSettings()).name


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (SecretSettings(store="safe"), "EDGELB_SECRET_STORE"),
        (SecretSettings(store="vault"), "EDGELB_SECRET_URL"),
        (SecretSettings(store="vault", url="https://v"), "EDGELB_SECRET_TOKEN_FILE"),
        (SecretSettings(store="vault", url="https://v", role_id="r"), "EDGELB_SECRET_ROLE_SECRET_FILE"),
        (SecretSettings(store="vault", url="https://v", token_file=Path("/nowhere")), "EDGELB_SECRET_TOKEN_FILE"),
        (SecretSettings(store="dcos", url="https://v"), "EDGELB_SECRET_TOKEN_FILE"),
        (SecretSettings(store="dcos", url="https://v", ca=Path("/nowhere"), token_file=Path("/x")), "EDGELB_SECRET_CA"),
        (SecretSettings(kv_version=3), "EDGELB_SECRET_KV_VERSION"),
        (SecretSettings(paths=("../*",)), "EDGELB_SECRET_PATHS"),
        (SecretSettings(refresh=0.0), "EDGELB_SECRET_REFRESH"),
    ],
)
def test_what_cannot_work_is_told_by_the_setting(settings: SecretSettings, setting: str) -> None:
    """At the start, not at the first handshake."""
    with pytest.raises(InvalidSpec, match=f"^{setting}: "):
        open_store(settings)


def test_the_environment_is_read_by_field() -> None:
    """As strings, and what is empty is not set."""
    found = SecretSettings.from_environment(
        {
            "EDGELB_SECRET_STORE": "vault",
            "EDGELB_SECRET_URL": "https://vault",
            "EDGELB_SECRET_PLAIN_HTTP": "1",
            "EDGELB_SECRET_TOKEN_FILE": "/run/token",
            "EDGELB_SECRET_KV_VERSION": "1",
            "EDGELB_SECRET_PATHS": "tls/{pool}/*, *",
            "EDGELB_SECRET_REFRESH": "5",
            "EDGELB_SECRET_NAMESPACE": "",
            "EDGELB_SECRET_VALUE_CERT": "a secret of the other kind",
        }
    )
    assert found == SecretSettings(
        store="vault",
        url="https://vault",
        plain_http=True,
        token_file=Path("/run/token"),
        kv_version=1,
        paths=("tls/{pool}/*", "*"),
        refresh=5.0,
    )
    assert SecretSettings.from_environment({}) == SecretSettings()


@pytest.mark.parametrize(
    ("variable", "text"),
    [("EDGELB_SECRET_KV_VERSION", "two"), ("EDGELB_SECRET_PLAIN_HTTP", "perhaps"), ("EDGELB_SECRET_REFRESH", "soon")],
)
def test_a_variable_that_cannot_be_read_is_named(variable: str, text: str) -> None:
    """It is one of many."""
    with pytest.raises(InvalidSpec, match=f"^{variable}: '{text}'"):
        SecretSettings.from_environment({variable: text})


def test_each_variable_is_on_the_page_of_settings() -> None:
    """And no other of these."""
    page = (Path(__file__).parents[4] / "docs" / "reference" / "settings.md").read_text()
    section = page.split("## Where secrets come from")[1].split("\n## ")[0]
    assert set(re.findall(r"\| `(EDGELB_[A-Z_]+)` \|", section)) == set(VARIABLES)
