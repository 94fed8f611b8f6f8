"""What `edgelb doctor` says about the store of secrets."""

from pathlib import Path

import pytest

from api.cli.finding import FAIL, OK, WARN
from api.cli.secret_checks import check_authority, check_secrets
from tests.support.secret_servers import VaultServer
from tests.support.tls import authority


def test_a_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    """Most have no secrets."""
    found = check_secrets({"EDGELB_SECRET_DIRECTORY": str(tmp_path / "nothing")})
    assert (found.level, found.advice) == (OK, "")
    assert "is not there, so that no pool can have secrets" in found.seen


def test_a_folder_that_others_can_look_into_is_named(tmp_path: Path) -> None:
    """With the command that mends it."""
    tmp_path.chmod(0o755)
    found = check_secrets({"EDGELB_SECRET_DIRECTORY": str(tmp_path)})
    assert (found.level, found.advice) == (WARN, f"chmod 700 {tmp_path}")
    tmp_path.chmod(0o700)
    assert check_secrets({"EDGELB_SECRET_DIRECTORY": str(tmp_path)}).level == OK


@pytest.mark.parametrize("setting", ["EDGELB_SECRET_STORE", "EDGELB_SECRET_KV_VERSION"])
def test_a_setting_that_cannot_work_fails(setting: str) -> None:
    """The scheduler would not start."""
    found = check_secrets({setting: "nonsense"})
    assert found.level == FAIL
    assert found.seen.startswith(f"{setting}: 'nonsense'")


def test_a_server_is_asked_whether_it_knows_us(tmp_path: Path) -> None:
    """No secret is read for it."""
    token = tmp_path / "token"
    token.write_text("root-token\n")
    server = VaultServer(2)
    server.start()
    settings = {
        "EDGELB_SECRET_STORE": "vault", "EDGELB_SECRET_URL": server.url, "EDGELB_SECRET_TOKEN_FILE": str(token)
    }  # fmt: skip
    try:
        assert check_secrets(settings).level == OK
        assert server.asked == ["GET /v1/auth/token/lookup-self"]
        token.write_text("a wrong one\n")
        found = check_secrets(settings)
        assert found.level == FAIL
        assert "does not know our token" in found.seen
        assert "a wrong one" not in found.seen
    finally:
        server.stop()
    assert "does not answer" in check_secrets(settings).seen


def test_an_authority_is_looked_at_where_one_is_named(tmp_path: Path) -> None:
    """Whether it can sign, and whether others can read its key."""
    assert not list(check_authority({}))
    file = tmp_path / "ca.pem"
    (missing,) = check_authority({"EDGELB_AUTOCERT_CA": str(file)})
    assert missing.level == FAIL
    assert f"the authority in {file} (EDGELB_AUTOCERT_CA) cannot be used: No such file" in missing.seen
    made = authority(tmp_path, "made")
    file.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
    file.chmod(0o644)
    (found,) = check_authority({"EDGELB_AUTOCERT_CA": str(file)})
    assert (found.level, found.advice) == (WARN, f"chmod 600 {file}")
    file.chmod(0o600)
    (found,) = check_authority({"EDGELB_AUTOCERT_CA": str(file)})
    assert (found.level, found.seen) == (OK, f"the authority in {file} can sign")
