"""The example's command line."""

import subprocess
from pathlib import Path

from examples.hello import command_line


def test_an_interpreter_whose_path_has_spaces_is_one_word_of_the_command(tmp_path: Path) -> None:
    """The checkout, and so its interpreter, may be in any folder."""
    python = tmp_path / "a checkout's" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho ran $1\n")
    python.chmod(0o755)
    command = command_line("exec {python} -m", str(python))
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == "ran -m\n"


def test_an_ordinary_interpreter_stands_there_as_it_is() -> None:
    """What runs already is not relaunched for a change of quotes."""
    assert command_line("exec {python} -m x", "/usr/bin/python3") == "exec /usr/bin/python3 -m x"
