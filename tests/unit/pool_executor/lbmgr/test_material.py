"""The room for key material."""

import threading
from pathlib import Path

import pytest

from pool_executor.lbmgr.certificates.material import MOST_BYTES, Material


def test_the_room_and_its_files_are_for_the_instance_alone(tmp_path: Path) -> None:
    """Directories have mode 0700 and files 0600, whatever the umask."""
    material = Material(tmp_path / "material")
    material.place("secrets/web.pem", b"key")
    modes = {path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        Path("material"): 0o700,
        Path("material/secrets"): 0o700,
        Path("material/envfile"): 0o700,
        Path("material/autocert"): 0o700,
        Path("material/system"): 0o700,
        Path("material/secrets/web.pem"): 0o600,
    }


def test_what_a_source_brings_is_told_once(tmp_path: Path) -> None:
    """The same again is no news; something else, or less, is."""
    told: list[str] = []
    material = Material(tmp_path, on_change=lambda: told.append("news"))
    material.fill("secrets", {"a": b"1"})
    material.fill("secrets", {"a": b"1"})
    assert (len(told), material.get("secrets/a"), material.names) == (1, b"1", {"secrets/a"})
    material.fill("secrets", {}, {"a": "the store has no such secret"})
    assert (len(told), material.get("secrets/a")) == (2, None)
    assert material.trouble("secrets/a") == "the store has no such secret"


def test_sources_do_not_meet(tmp_path: Path) -> None:
    """Files of one name from two sources are two files."""
    material = Material(tmp_path)
    material.fill("secrets", {"a": b"1"})
    material.fill("envfile", {"a": b"2"})
    assert (material.get("secrets/a"), material.get("envfile/a"), material.get("autocert/a")) == (b"1", b"2", None)


def test_a_filled_file_is_read_by_nobody_before_it_is_placed(tmp_path: Path) -> None:
    """lbmgr decides when HAProxy reads it."""
    material = Material(tmp_path)
    material.fill("secrets", {"a": b"1"})
    assert (material.read("secrets/a"), material.placed()) == (None, frozenset())
    material.place("secrets/a", b"1")
    assert (material.read("secrets/a"), material.placed()) == (b"1", {"secrets/a"})


@pytest.mark.parametrize("name", ["", "..", ".", "../a", "a/b", ".hidden", "a\n", "a b", "x" * 129])
def test_what_cannot_be_a_file_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing gets out of its directory; what was there stays."""
    material = Material(tmp_path)
    material.fill("secrets", {"a": b"1"})
    with pytest.raises(ValueError, match="not a name that a file may have"):
        material.fill("secrets", {name: b"2"})
    assert material.names == {"secrets/a"}


def test_a_file_has_a_bounded_size_and_an_error_without_its_content(tmp_path: Path) -> None:
    """A source that goes mad fills no disk, and no log with keys."""
    with pytest.raises(ValueError, match=f"has {MOST_BYTES + 6} bytes") as raised:
        Material(tmp_path).fill("secrets", {"a": b"secret" + b"x" * MOST_BYTES})
    assert "secretx" not in str(raised.value)


def test_a_source_may_fill_from_any_thread(tmp_path: Path) -> None:
    """Readers see the old or the new content."""
    material = Material(tmp_path)
    threads = [threading.Thread(target=material.fill, args=("secrets", {"a": str(n).encode()})) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert material.get("secrets/a") in {str(n).encode() for n in range(8)}
