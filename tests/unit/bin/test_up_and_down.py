"""bin/up and bin/down before anything is installed: what they refuse, and what they tell."""

import re
import socket
from pathlib import Path

import click
import pytest

from api.cli.local.up import down_command, up_command
from tests.support.ports import free_port
from tests.unit.bin.checkout import ROOT, Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("command", "argument", "sentence"),
    [
        ("up", "--frobnicate", "bin/up: unknown option --frobnicate (known: --detach, --fresh, "),
        ("up", "--detatch", "bin/up: unknown option --detatch; did you mean --detach? (known: "),
        ("up", "--base-prt=5", "bin/up: unknown option --base-prt=5; did you mean --base-port? (known: "),
        ("up", "--detach=yes", "bin/up: unknown option --detach=yes; did you mean --detach? (known: "),
        ("up", "stop", "bin/up: unknown argument stop (known: "),
        ("up", "--base-port=80", "bin/up: --base-port takes a number from 1024 to 31000, not '80'"),
        ("up", "--masters=many", "bin/up: --masters takes a number from 1 to 5, not 'many'"),
        ("up", "--directory", "bin/up: --directory needs a value"),
        ("down", "--dir", "bin/down: unknown option --dir (known: --directory, --help)"),
        ("down", "--directry=x", "bin/down: unknown option --directry=x; did you mean --directory? (known: "),
        ("setup", "--noapt", "bin/setup: unknown option --noapt; did you mean --no-apt? (known: "),
    ],
)
def test_what_a_command_does_not_know_is_refused_before_it_does_anything(
    checkout: Checkout, command: str, argument: str, sentence: str
) -> None:
    """With 2, and the option that was probably meant; nothing is installed, nothing is made."""
    code, said, calls = checkout.run(command, argument)
    assert said.startswith(sentence)
    assert (code, calls) == (2, [])
    assert not (checkout.path / ".venv").exists()
    assert not (checkout.path / ".local").exists()


@pytest.mark.parametrize(("command", "known"), [("up", up_command), ("down", down_command)])
def test_help_tells_all_before_the_first_start(checkout: Checkout, command: str, known: click.Command) -> None:
    """Every option that `edgelb local` has, and nothing is installed for it."""
    code, said, calls = checkout.run(command, "--help")
    assert (code, calls) == (0, [])
    for option in (name for parameter in known.params for name in parameter.opts):
        assert re.search(rf"^  {option}\b", said, re.MULTILINE), option
    assert checkout.run(command, "-h")[1] == said
    assert not (checkout.path / ".local").exists()


def test_setup_has_a_help(checkout: Checkout) -> None:
    """Its options; nothing is done."""
    code, said, calls = checkout.run("setup", "--help")
    assert (code, calls) == (0, [])
    assert "bin/setup [--no-apt] [--dev]" in said


def test_ports_are_looked_at_before_the_environment_is_made(checkout: Checkout) -> None:
    """Whoever cannot start here learns it at once, and not after a minute of installing."""
    for package in ("api", "sdk"):
        (checkout.path / package).symlink_to(ROOT / package)
    # Any port of a stack would do; this is that of the API.
    base = free_port()
    with socket.create_server(("127.0.0.1", base)):
        code, said, calls = checkout.run("up", "--detach", "--base-port", str(base))
    assert (code, calls) == (1, [])
    # Other tests may have others of its ports.
    assert said.startswith("Error: ")
    assert f"in use:\n  {base} (API server) by pid " in said
    assert "--base-port N" in said
