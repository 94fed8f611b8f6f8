"""Finding programs of the system with the PATH of an ordinary user."""

from pathlib import Path

import pytest

from api.cli.machine_checks import check_programs
from sdk import programs


def test_programs_in_the_systems_own_directories_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian has HAProxy in /usr/sbin, and that on the PATH of root alone; doctor looks there, too."""
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")
    found = programs.find("haproxy")
    assert found is not None
    assert Path(found).parent in (Path("/usr/sbin"), Path("/usr/local/sbin"), Path("/sbin"))
    levels = {finding.subject: finding.level for finding in check_programs()}
    assert levels["haproxy"] == "ok"


def test_the_path_comes_first_and_what_is_nowhere_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's own build is preferred to the system's."""
    own = tmp_path / "haproxy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("haproxy") == str(own)
    assert programs.find("no-such-program-of-anybody") is None
