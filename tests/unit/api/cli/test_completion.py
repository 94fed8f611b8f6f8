"""What a shell is offered while somebody types `edgelb ...`."""

import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from api.cli.completion import VARIABLE
from api.cli.main import COMMANDS, cli
from tests.support.ports import free_port


def offered(*words: str) -> list[str]:
    """The words that may stand in the place of the last one."""
    *before, last = words
    return [item.value for item in ShellComplete(cli, {}, "edgelb", VARIABLE).get_completions(before, last)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_edgelb(shell: str) -> None:
    """And nothing but the script is on stdout."""
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert VARIABLE in result.stdout
    assert f"edgelb completion {shell}" in result.stderr
    assert "To have it always" not in result.stdout


def test_commands_options_and_choices_are_offered() -> None:
    """Of the whole program, and of each command."""
    assert set(offered("")) == set(COMMANDS)
    assert offered("val") == ["validate"]
    assert "--wait" in offered("create", "--w")
    assert offered("wait", "--for", "del") == ["deleted"]
    assert offered("pod", "res") == ["restart"]


def test_commands_are_offered_without_being_imported() -> None:
    """A key press must not wait for what the command itself needs."""
    program = (
        "import sys\n"
        "from click.shell_completion import ShellComplete\n"
        "from api.cli.main import cli\n"
        "print(len(ShellComplete(cli, {}, 'edgelb', 'X').get_completions([], '')))\n"
        "print('api.cli.pools' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(len(COMMANDS)), "False"]


def test_no_names_are_offered_where_no_api_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silently: there is no place for an error in a half typed line."""
    monkeypatch.setenv("EDGELB_API", f"http://127.0.0.1:{free_port()}")
    assert offered("status", "w") == []
    monkeypatch.setenv("EDGELB_API", "nonsense://")
    assert offered("status", "w") == []
