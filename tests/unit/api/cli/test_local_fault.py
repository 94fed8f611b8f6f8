"""`edgelb local fault` where there is nothing to break: a sentence that helps, and the exit code of its kind."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.local.place import Place
from api.cli.main import cli
from tests.support.ports import free_port


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The folder of a stack that this process runs, as far as its notes tell."""
    place = Place(tmp_path)
    place.take()
    yield place
    place.leave()


def said(directory: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all output of a fault."""
    done = CliRunner().invoke(cli, ["local", "fault", *arguments, "--directory", str(directory)])
    return done.exit_code, done.output


def test_a_stack_that_is_starting_is_waited_for(place: Place) -> None:
    """Its addresses are not known yet."""
    code, text = said(place.directory, "partition", "agent1")
    assert (code, "is still starting" in text) == (3, True)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"masters": {}}'])
def test_a_stack_of_another_version_is_named_as_such(place: Place, content: str) -> None:
    """Its file does not tell where masters and agents are."""
    place.urls.write_text(content)
    code, text = said(place.directory, "partition", "agent1")
    assert (code, "start it again" in text) == (1, True)


def test_a_master_that_is_down_is_told(place: Place) -> None:
    """With the address, and the command that shows what runs; agents that are down are told by name."""
    address = f"127.0.0.1:{free_port()}"
    place.urls.write_text(json.dumps({"masters": {"master": address}, "agents": {"agent1": address}}))
    for command in (("slow-master", "1"), ("kill-leader",), ("agent-gone", "agent1"), ("partition", "agent1")):
        code, text = said(place.directory, *command)
        assert code == 3
        assert f"master on {address} does not answer" in text
        assert "edgelb local ps" in text
    code, text = said(place.directory, "lose-launch", "agent1")
    assert (code, f"agent1 on {address} does not answer" in text) == (3, True)
    assert said(place.directory, "list") == (
        0,
        "There are no faults.\n"
        "master does not answer. A process that starts again has no faults.\n"
        "agent1 does not answer. A process that starts again has no faults.\n",
    )


def test_a_single_master_has_no_session_to_expire(place: Place) -> None:
    """The sentence says how to run several."""
    place.urls.write_text(json.dumps({"masters": {"master": "127.0.0.1:1"}, "agents": {}}))
    code, text = said(place.directory, "expire-session")
    assert (code, "bin/up --masters 3" in text) == (5, True)
    assert "there are none" in said(place.directory, "heal", "agent1")[1]
