"""Which words `edgelb` knows: its commands, those of the product that are not there yet, and what may be meant."""

import warnings

import pytest
from click.testing import CliRunner, Result

from api.cli.elsewhere import NOT_YET, OTHER_WORDS
from api.cli.exits import HELP, Exit
from api.cli.main import COMMANDS, cli
from api.process.version import package_version


def run(*arguments: str) -> Result:
    """`edgelb ARGUMENTS`, without a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(cli, list(arguments), env={"EDGELB_API": "http://127.0.0.1:9"}, prog_name="edgelb")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("creat", "create"),
        ("statu", "status"),
        ("lb-confg", "lb-config"),
        ("marathon_app", "marathon-app"),
        ("check", "edgelb validate"),
        ("ls", "edgelb list"),
        ("run apii", "api"),
        ("pod lst", "list"),
        ("local fault partitio", "partition"),
        ("create --tmeout=1 x", "--timeout"),
        ("list --jsn", "--json"),
    ],
)
def test_a_mistyped_command_or_option_is_answered_with_what_may_be_meant(typed: str, meant: str) -> None:
    """In every group; the commands are not imported for it."""
    result = run(*typed.split())
    assert result.exit_code == Exit.USAGE
    assert meant in result.stderr.partition("No such")[2]


@pytest.mark.parametrize("command", NOT_YET)
@pytest.mark.parametrize("rest", [[], ["show", "web"], ["--json", "--help"], ["--yes", "--pool-names=a,b"]])
def test_a_command_of_the_product_that_is_not_there_yet_says_so(command: str, rest: list[str]) -> None:
    """With an exit code of its own, whatever follows it, and with what to use instead."""
    result = run(command, *rest)
    assert result.exit_code == Exit.NOT_YET
    assert f"edgelb {command} is a command of DC/OS Edge-LB that is not there yet; {NOT_YET[command]}" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "line", ["--name=dcos-edgelb list", "list --name dcos-edgelb", "show --reference", "show web --reference"]
)
def test_an_option_of_the_product_that_is_not_there_yet_says_so(line: str) -> None:
    """Before and after the command."""
    result = run(*line.split())
    assert result.exit_code == Exit.NOT_YET
    assert "is an option of DC/OS Edge-LB that is not there yet; " in result.stderr


def test_no_word_is_known_twice() -> None:
    """What is a command is neither missing nor a word of another tool; the words lead to commands."""
    assert not COMMANDS.keys() & NOT_YET.keys()
    assert not (COMMANDS.keys() | NOT_YET.keys()) & OTHER_WORDS.keys()
    assert {meant for words in OTHER_WORDS.values() for meant in words} <= COMMANDS.keys()
    assert {int(line.split()[0]) for line in HELP.splitlines() if line[2:3].isdigit()} == set(Exit)


def test_the_version_and_help_are_found_where_people_look() -> None:
    """As an option, as a word, and of a command in a group."""
    assert run("--version").stdout == f"edgelb {package_version()}\n"
    assert run("help").stdout == run("--help").stdout
    assert run("help", "status").stdout == run("status", "--help").stdout
    assert run("help", "pod", "restart").stdout == run("pod", "restart", "--help").stdout
    assert "has no commands of its own" in run("help", "status", "x").stderr
    assert run("help", "nonsense").exit_code == Exit.USAGE
    assert run("help", "diagnostic").exit_code == 0
