"""The servers on disk, and what is left of them after a crash at any moment."""

from pathlib import Path

import pytest

from pool_executor.contract import Operation, Put, Remove, Server, apply
from pool_executor.lbmgr.servers.journal import Journal, Stored
from tests.unit.pool_executor.lbmgr.parts import server

STEPS: tuple[tuple[Operation, ...], ...] = (
    (Put("app", server("a")), Put("app", server("b", task="ü"))),
    (Remove("app", "a"),),
    (Put("other", server("x")), Remove("app", "b")),
)


def written(directory: Path) -> Journal:
    """A journal with a base of one server and three lines."""
    journal = Journal(directory / "endpoints")
    journal.write("f00", 10, {"app": {"z": server("z")}})
    for number, operations in enumerate(STEPS):
        assert journal.append("f00", 11 + number, operations)
    return journal


def after(steps: int) -> dict[str, dict[str, Server]]:
    servers = {"app": {"z": server("z")}}
    for operations in STEPS[:steps]:
        apply(servers, operations)
    return servers


def test_nothing_is_loaded_where_nothing_was_written(tmp_path: Path) -> None:
    """And nothing is appended to nothing."""
    journal = Journal(tmp_path / "endpoints")
    assert journal.load() is None
    assert not journal.append("f00", 1, STEPS[0])


def test_what_was_written_is_loaded_and_goes_on(tmp_path: Path) -> None:
    """All servers and the operations since; the next process appends after them."""
    written(tmp_path)
    journal = Journal(tmp_path / "endpoints")
    assert journal.load() == Stored("f00", 13, after(3))
    assert journal.append("f00", 14, (Remove("app", "z"),))
    stored = Journal(tmp_path / "endpoints").load()
    assert stored == Stored("f00", 14, {"other": {"x": server("x")}})


def test_at_every_byte_a_crash_leaves_what_was_whole(tmp_path: Path) -> None:
    """Nothing after a line that is cut short is believed, and what follows is written anew."""
    written(tmp_path)
    path = tmp_path / "endpoints/journal"
    data = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    for size in range(len(data)):
        path.write_bytes(data[:size])
        journal = Journal(tmp_path / "endpoints")
        whole = sum(end <= size for end in ends)
        assert journal.load() == Stored("f00", 10 + whole, after(whole))
        assert journal.append("f00", 99, ()) == (size in (0, *ends))


def test_damage_in_the_middle_ends_the_reading_there(tmp_path: Path) -> None:
    """What stands before it is used."""
    written(tmp_path)
    path = tmp_path / "endpoints/journal"
    data = bytearray(path.read_bytes())
    data[data.index(b"\n") + 15] ^= 1
    path.write_bytes(data)
    assert Journal(tmp_path / "endpoints").load() == Stored("f00", 11, after(1))


def test_operations_of_another_log_or_of_before_are_skipped(tmp_path: Path) -> None:
    """A crash between the new base and the new journal leaves the old journal."""
    written(tmp_path)
    journal = (tmp_path / "endpoints/journal").read_bytes()
    Journal(tmp_path / "endpoints").write("f00", 12, after(2))
    (tmp_path / "endpoints/journal").write_bytes(journal)
    assert Journal(tmp_path / "endpoints").load() == Stored("f00", 13, after(3))
    Journal(tmp_path / "endpoints").write("bar", 1, after(1))
    (tmp_path / "endpoints/journal").write_bytes(journal)
    assert Journal(tmp_path / "endpoints").load() == Stored("bar", 1, after(1))


@pytest.mark.parametrize("damage", [b"", b"{}\n{}", b"garbage"])
def test_a_base_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    """ZooKeeper has it."""
    written(tmp_path)
    (tmp_path / "endpoints/servers.json").write_bytes(damage)
    assert Journal(tmp_path / "endpoints").load() is None


def test_a_base_that_was_changed_is_as_good_as_none(tmp_path: Path) -> None:
    """Its checksum says so."""
    written(tmp_path)
    path = tmp_path / "endpoints/servers.json"
    path.write_bytes(path.read_bytes().replace(b"10.0.0.1", b"10.0.0.2"))
    assert Journal(tmp_path / "endpoints").load() is None


def test_a_long_journal_makes_room_for_all_servers(tmp_path: Path) -> None:
    """It would take longer to read than they do."""
    journal = written(tmp_path)
    many = tuple(Put("app", server(f"s{number}")) for number in range(1999))
    assert not journal.append("f00", 3000, many)
    journal.write("f00", 3000, {})
    assert journal.append("f00", 3001, STEPS[0])


def test_a_disk_that_takes_nothing_is_told_and_everything_is_written_later(tmp_path: Path) -> None:
    """After a failure the end of the journal is unknown, so nothing is appended to it."""
    journal = written(tmp_path)
    path = tmp_path / "endpoints/journal"
    path.rename(tmp_path / "away")
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        journal.append("f00", 14, STEPS[0])
    path.rmdir()
    assert not journal.append("f00", 14, STEPS[0])
    journal.write("f00", 14, after(1))
    assert Journal(tmp_path / "endpoints").load() == Stored("f00", 14, after(1))
