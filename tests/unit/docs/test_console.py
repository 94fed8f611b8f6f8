"""The runner of the documentation's commands: it finds them, tells right from wrong, and leaves nothing behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Command, Shell, blocks, matches, run_command, sessions
from tests.support.wait import wait_until

PAGE = """\
# Page

```console
$ cat > file <<END
> one
> END
$ cat file
one
> two
```

```sh
never run
```

```console eventually
$ date
```
"""


def test_commands_continued_lines_and_outputs_are_told_apart() -> None:
    """Lines with > continue a command directly after it, and are output below output."""
    first, second, third = sessions(PAGE)
    assert (first.text, first.expected) == ("cat > file <<END\none\nEND", "")
    assert (second.text, second.expected, second.number) == ("cat file", "one\n> two", 7)
    assert third.eventually


def test_a_block_that_does_not_end_is_an_error() -> None:
    """The rest of the page would be taken for code."""
    with pytest.raises(ValueError, match="line 2"):
        list(blocks("text\n```sh\nls\n"))


@pytest.mark.parametrize(
    ("expected", "actual", "right"),
    [
        ("", "", True),
        ("", "surprise\n", False),
        ("a  b", "a     b\n", True),
        ("a...z", "a\nb\nz\n", True),
        ("a ... z", "a b c\n", False),
        ("one\n...\nfour", "one\ntwo\nthree\nfour\n", True),
        ("[x]*", "[x]*", True),
        ("ab", "abc", False),
    ],
)
def test_output_is_compared_as_doctest_does(expected: str, actual: str, right: bool) -> None:
    """`...` stands for anything, runs of spaces count as one, everything else is literal."""
    assert matches(expected, actual) is right


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path, os.environ)
    yield made
    made.close()


def test_variables_and_folders_live_from_command_to_command(shell: Shell, tmp_path: Path) -> None:
    """As in the session that the page shows."""
    assert shell.run("NAME=value; mkdir sub; cd sub") == (0, "")
    assert shell.run("echo $NAME; pwd; cat; false") == (1, f"value\n{tmp_path}/sub\n")


def test_a_command_fails_where_the_page_shows_its_error_and_nowhere_else(shell: Shell) -> None:
    """The status counts as well as the output."""

    def right(text: str, expected: str) -> bool:
        return run_command(shell, Command(text=text, expected=expected, number=1), 0)[0]

    assert right("echo ok", "ok")
    assert not right("echo ok; false", "ok")
    assert right("echo Error: no; false", "Error: no")
    assert not right("echo Error: no", "Error: no")


def test_what_takes_a_moment_is_repeated_until_it_is_as_shown(shell: Shell) -> None:
    """Only in blocks that say so."""
    once = Command(text="echo x >> log; wc -l < log", expected="3", number=1)
    assert not run_command(shell, once, 10)[0]
    again = Command(text=once.text, expected="3", number=1, eventually=True)
    assert run_command(shell, again, 10) == (True, 0, "3\n")


def test_background_jobs_end_with_the_shell(tmp_path: Path) -> None:
    """A page that fails half-way must not leave its processes behind."""
    shell = Shell(tmp_path, os.environ)
    _, output = shell.run("sleep 1000 & echo $!")
    pid = int(output)
    assert Path(f"/proc/{pid}").exists()
    shell.close()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the end of the job")
