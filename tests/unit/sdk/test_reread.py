"""Files that are read again when they change."""

from pathlib import Path

import pytest

from sdk.errors import InvalidSpec
from sdk.reread import Reread


class HandClock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


def reader(path: Path) -> str:
    text = path.read_text() if path.exists() else ""
    if not text or "broken" in text:
        raise InvalidSpec("file", "is broken")
    return text


def test_a_change_is_seen_at_the_next_look(tmp_path: Path) -> None:
    """Once a second at most; what is broken or gone changes nothing."""
    path, clock = tmp_path / "file", HandClock()
    path.write_text("one")
    found = Reread((path,), lambda: reader(path), clock=clock)
    assert found.get() == "one"
    for text, seen in (("second", "second"), ("broken", "second"), ("third one", "third one")):
        path.write_text(text)
        clock.seconds += 1.0
        assert found.get() == seen
    path.unlink()
    clock.seconds += 1.0
    assert found.get() == "third one"
    path.write_text("four!")
    assert found.get() == "third one"
    clock.seconds += 1.0
    assert found.get() == "four!"


def test_what_cannot_be_read_at_the_start_is_told(tmp_path: Path) -> None:
    """Nothing has been read that could hold."""
    path = tmp_path / "file"
    with pytest.raises(InvalidSpec):
        Reread((path,), lambda: reader(path))


def test_a_file_that_may_be_read_at_last_is_read(tmp_path: Path) -> None:
    """Whoever puts a file there and then lets us read it changes nothing of what it holds."""
    path, clock, may = tmp_path / "file", HandClock(), [True]

    def read() -> str:
        if not may[0]:
            raise InvalidSpec("file", "cannot be read: Permission denied")
        return path.read_text()

    path.write_text("one")
    found = Reread((path,), read, clock=clock)
    may[0] = False
    path.write_text("another")
    clock.seconds += 1.0
    assert found.get() == "one"
    may[0] = True
    path.chmod(0o640)
    clock.seconds += 1.0
    assert found.get() == "another"
