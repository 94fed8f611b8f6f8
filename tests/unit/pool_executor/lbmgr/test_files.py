"""The configuration on disk, and what is left of it after a crash at any moment."""

from pathlib import Path

import pytest

from pool_executor.contract import Structure
from pool_executor.lbmgr.structure.content import Content, PartText
from pool_executor.lbmgr.structure.files import Files, changed_parts

MATERIAL = Path("/run/edgelb/material")


def made(version: int, **texts: str) -> tuple[Structure, Content, dict[str, str]]:
    """A structure, and the same with a line for the servers."""
    names = {"glob": "10-global.cfg", "app": "30-backends-0a.cfg", "map": "x.map"}
    parts = {
        names[key]: PartText.made(names[key], "map" if key == "map" else "config", text) for key, text in texts.items()
    }
    head = Structure(
        pool="web",
        pool_uid="f00d",
        epoch=1,
        version=version,
        pool_version=0,
        parts={name: text.part for name, text in parts.items()},
    )
    composed = {name: text.text + ("    server a\n" if "backends" in name else "") for name, text in parts.items()}
    return head, Content(parts=parts), composed


def staged(files: Files, head: Structure, content: Content, composed: dict[str, str]) -> Path:
    """The directory of a new version with all that HAProxy reads."""
    directory = files.stage(head, content, content)
    files.fill(directory, content, composed)
    return directory


def test_nothing_is_loaded_from_an_empty_sandbox(tmp_path: Path) -> None:
    """A new sandbox has no last good version."""
    assert Files(tmp_path, MATERIAL).load() is None


def test_a_committed_version_is_loaded_again(tmp_path: Path) -> None:
    """Another process finds head and texts, maps included, and `current` leads to them."""
    files = Files(tmp_path, MATERIAL)
    head, content, composed = made(1, glob="global\n", app="backend a\n", map="k v\n")
    files.switch(staged(files, head, content, composed))
    files.commit()
    stored = Files(tmp_path, MATERIAL).load()
    assert stored is not None
    assert (stored.head, stored.content) == (head, content)
    assert (files.maps / "x.map").read_text() == "k v\n"
    assert (files.current / "30-backends-0a.cfg").read_text() == "backend a\n    server a\n"


def test_what_was_not_committed_is_not_loaded(tmp_path: Path) -> None:
    """A crash between switching and the proof of the reload comes back with the version before."""
    files = Files(tmp_path, MATERIAL)
    first = made(1, glob="global\n", app="backend a\n")
    files.switch(staged(files, *first))
    files.commit()
    files.switch(staged(files, *made(2, glob="global\n", app="backend b\n")))
    again = Files(tmp_path, MATERIAL)
    stored = again.load()
    assert stored is not None
    assert stored.head.version == 1
    assert (again.current / "30-backends-0a.cfg").read_text() == "backend a\n    server a\n"


def test_a_new_version_links_what_did_not_change(tmp_path: Path) -> None:
    """Only changed files are written; rolling back leaves the good version alone."""
    files = Files(tmp_path, MATERIAL)
    files.switch(staged(files, *made(1, glob="global\n", app="backend a\n")))
    files.commit()
    directory = staged(files, *made(2, glob="global\n", app="backend b\n"))
    new, old = directory / "structure", files.current / "structure"
    assert (new / "10-global.cfg").samefile(old / "10-global.cfg")
    assert not (new / "30-backends-0a.cfg").samefile(old / "30-backends-0a.cfg")
    files.roll_back()
    assert not directory.exists()
    assert (old / "30-backends-0a.cfg").read_text() == "backend a\n"


def test_an_edit_of_a_map_replaces_single_files(tmp_path: Path) -> None:
    """After an update the files are what HAProxy was told, and the texts in the files count if the head is behind."""
    files = Files(tmp_path, MATERIAL)
    files.switch(staged(files, *made(1, glob="global\n", app="backend a\n", map="k v\n")))
    files.commit()
    head, content, _ = made(2, glob="global\n", app="backend a\n", map="k w\n")
    files.update(head, [content.parts["x.map"]])
    stored = Files(tmp_path, MATERIAL).load()
    assert stored is not None
    assert (stored.head, stored.content) == (head, content)
    assert (files.maps / "x.map").read_text() == "k w\n"
    # The crash: a file was replaced, the head was not.
    (files.current / "structure/x.map").write_text("k newer\n")
    stored = Files(tmp_path, MATERIAL).load()
    assert stored is not None
    assert stored.content.parts["x.map"].text == "k newer\n"
    assert changed_parts(stored.content, content) == [content.parts["x.map"]]


def test_what_haproxy_reads_is_made_anew_from_what_was_published(tmp_path: Path) -> None:
    """Files that are right are not touched, and files that a crash left half written are."""
    files = Files(tmp_path, MATERIAL)
    _, content, composed = made(1, glob="global\n", app="backend a\n", map="k v\n")
    files.switch(staged(files, *made(1, glob="global\n", app="backend a\n", map="k v\n")))
    files.commit()
    (files.current / "30-backends-0a.cfg").write_text("back")
    kept = written(files.current / "10-global.cfg")
    files.compose(files.current, content, composed)
    assert (files.current / "30-backends-0a.cfg").read_text() == composed["30-backends-0a.cfg"]
    assert written(files.current / "10-global.cfg") == kept


def written(path: Path) -> tuple[int, int]:
    """Which file it is, and when it was written: reading it may leave a trace, too."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


@pytest.mark.parametrize("damage", ["head", "part", "gone"])
def test_damaged_files_are_not_served(tmp_path: Path, damage: str) -> None:
    """A version that cannot be read is as good as none: ZooKeeper has it."""
    files = Files(tmp_path, MATERIAL)
    files.switch(staged(files, *made(1, glob="global\n", app="backend a\n")))
    files.commit()
    match damage:
        case "head":
            (files.current / "structure/head.json").write_text("{")
        case "part":
            (files.current / "structure/30-backends-0a.cfg").write_bytes(b"\xff\xfe")
        case "gone":
            (files.current / "structure/30-backends-0a.cfg").unlink()
    assert Files(tmp_path, MATERIAL).load() is None


def test_a_failed_stage_leaves_nothing_behind(tmp_path: Path) -> None:
    """When a file cannot be written the new version disappears and the good one stays."""
    files = Files(tmp_path, MATERIAL)
    files.switch(staged(files, *made(1, glob="global\n")))
    files.commit()
    head, _, _ = made(2, glob="global\n")
    # A name longer than file systems take stands for any OSError in the middle of writing.
    name = "z" * 300 + ".cfg"
    broken = Content(parts={name: PartText.made(name, "config", "global\n# more\n")})
    with pytest.raises(OSError, match="File name too long"):
        files.stage(head, broken, broken)
    assert len([entry for entry in (tmp_path / "haproxy.d").iterdir() if entry.name.isdigit()]) == 1
    assert Files(tmp_path, MATERIAL).load() is not None


def test_the_overview_has_all_files_in_one(tmp_path: Path) -> None:
    """haproxy.cfg shows the instance's file, the parts in HAProxy's order and the names of maps."""
    files = Files(tmp_path, MATERIAL)
    _, content, composed = made(1, app="backend a\n", glob="global\n", map="k v\n")
    files.write_overview("global\n    description m\n", composed, content)
    text = (tmp_path / "haproxy.cfg").read_text()
    assert text.index("00-instance.cfg") < text.index("10-global.cfg") < text.index("30-backends-0a.cfg")
    assert "x.map" in text
    assert "    server a" in text
    assert list((tmp_path / "haproxy.state").iterdir()) == []
