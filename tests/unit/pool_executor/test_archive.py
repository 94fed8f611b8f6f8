"""Files in one that is named by its content."""

import hashlib
from pathlib import Path

import pytest

from pool_executor.archive import pack, unpack
from sdk.errors import EnvironmentProblem


def test_what_was_packed_is_unpacked_and_can_be_run(tmp_path: Path) -> None:
    """In any order of the files, over what a predecessor left."""
    data = pack({"b/run": b"#!/bin/sh\n", "a": b"1"})
    assert data == pack({"a": b"1", "b/run": b"#!/bin/sh\n"})
    archive, directory = tmp_path / "x.zip", tmp_path / "x"
    archive.write_bytes(data)
    directory.mkdir()
    (directory / "old").touch()
    unpack(archive, hashlib.sha256(data).hexdigest(), directory)
    assert {path.relative_to(directory).as_posix() for path in directory.rglob("*")} == {"a", "b", "b/run"}
    assert (directory / "b/run").stat().st_mode & 0o777 == 0o755


def test_an_archive_that_is_missing_or_another_one_is_refused(tmp_path: Path) -> None:
    """Mesos' fetcher has no checksums, and what is unpacked is run."""
    archive = tmp_path / "x.zip"
    with pytest.raises(EnvironmentProblem, match=r"x\.zip was not fetched into the sandbox"):
        unpack(archive, "0" * 64, tmp_path / "x")
    archive.write_bytes(pack({"a": b"1"}))
    with pytest.raises(EnvironmentProblem, match="was changed on its way"):
        unpack(archive, "0" * 64, tmp_path / "x")
    assert not (tmp_path / "x").exists()
