"""What an earlier run left behind: found when it can be, and no hindrance when it cannot."""

from pathlib import Path

import pytest

from sdk.local.cluster import Cluster


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"pid": "x", "start": 1}', b'{"pid": null, "start": 1}']
)
def test_a_damaged_note_of_a_process_is_passed_over(tmp_path: Path, content: bytes) -> None:
    """A machine that crashed may leave half a file: the next start is not stopped by it."""
    (tmp_path / "agent1").mkdir()
    (tmp_path / "agent1" / "process.json").write_bytes(content)
    assert not Cluster(tmp_path, 1, []).end_leftovers()
