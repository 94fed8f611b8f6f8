"""`edgelb local up` where it cannot do what it was asked for: what runs is told, and the command that helps."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.local import disk
from api.cli.local.layout import Layout
from api.cli.local.overview import Overview, look
from api.cli.local.place import Place, command
from api.cli.local.ports import spans, taken_ports
from api.cli.local.stack import Options, Stack
from api.cli.local.told import Unheard
from api.cli.local.up import ignored
from api.cli.main import cli
from sdk.errors import EnvironmentProblem
from sdk.local import processes
from tests.support.ports import free_port
from tests.support.stack_ports import free_base
from tests.support.wait import wait_until

CHECKOUT = Path(__file__).resolve().parents[4]


def test_a_command_names_its_directory_unless_it_is_the_usual_one(tmp_path: Path) -> None:
    """As bin/up and bin/down take it: from their checkout, or absolute, quoted for the shell."""
    assert command("down", CHECKOUT / ".local") == "bin/down"
    assert command("down", CHECKOUT / "other") == "bin/down --directory other"
    assert command("up --fresh", tmp_path / "a b") == f"bin/up --fresh --directory '{tmp_path}/a b'"


@pytest.mark.parametrize(
    ("base_port", "masters", "said"),
    [
        (None, None, []),
        (15000, 1, []),
        (None, 3, ["--masters 3 (it has 1)", "bin/up --masters 3"]),
        (25000, None, ["--base-port 25000 (it has 15000)", "bin/up --base-port 25000 --fresh", "forgets its pools"]),
        (
            25000,
            3,
            [
                "--masters 3 (it has 1), --base-port 25000 (it has 15000)",
                "bin/up --masters 3 --base-port 25000 --fresh",
            ],
        ),
    ],
)
def test_options_that_differ_from_what_runs_are_named(
    base_port: int | None, masters: int | None, said: list[str]
) -> None:
    """With what the stack has instead, and how to get what was asked for; the same options are no difference."""
    directory = CHECKOUT / ".local"
    lines = ignored(Place(directory), Layout(directory=directory), base_port, masters)
    assert bool(lines) == bool(said)
    assert [words for words in said if words not in "\n".join(lines)] == []


def test_the_masters_of_a_running_stack_are_kept_when_only_its_ports_are_to_change() -> None:
    """The command that is told starts as many again."""
    directory = CHECKOUT / ".local"
    lines = ignored(Place(directory), Layout(directory=directory, masters=3), 25000, None)
    assert "bin/up --masters 3 --base-port 25000 --fresh" in "\n".join(lines)


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([3, 1, 2], "1-3"), ([1, 2, 4, 6, 7], "1-2, 4, 6-7")]
)
def test_neighbouring_ports_are_a_span(numbers: list[int], text: str) -> None:
    """In order, however they come."""
    assert spans(numbers) == text


def test_a_taken_port_is_told_with_its_use_and_its_holder(tmp_path: Path) -> None:
    """This process has one of them: its process id and name are told, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stack = Stack(Layout(directory=tmp_path, base_port=port), Unheard())
        with pytest.raises(EnvironmentProblem) as refused:
            stack.check_ports()
    text = str(refused.value)
    assert f"  {port} (API server) by pid {os.getpid()} ({processes.name(os.getpid())})" in text
    assert "--base-port" in text


def test_ports_of_another_stack_are_told_as_one_and_with_its_end(tmp_path: Path) -> None:
    """All its ports stand in one line, with the command that stops it; who holds them is a child of it."""
    script = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    words = ["local", "up", "--directory", "there", "--base-port", "15000"]
    with subprocess.Popen([sys.executable, "-c", script, *words], cwd=tmp_path) as stack:
        try:
            child = wait_until(lambda: processes.descendants(stack.pid), 10, "its child")[0]
            said = taken_ports(Layout(directory=tmp_path).listening(), dict.fromkeys([15000, 15002, 15003], child))
        finally:
            for pid in (*processes.descendants(stack.pid), stack.pid):
                os.kill(pid, 9)
    assert said.splitlines()[1] == (
        f"  15000, 15002-15003 by the stack in {tmp_path}/there (pid {stack.pid}), "
        f"which `bin/down --directory {tmp_path}/there` stops"
    )
    assert len(said.splitlines()) == 3


def test_many_holders_are_a_few_lines() -> None:
    """Whoever they are: who is gone, or another user's, is told as such."""
    wanted = Layout(directory=Path(), masters=5).listening()
    said = taken_ports(wanted, {port: 2**22 + index for index, port in enumerate(sorted(wanted))})
    assert said.startswith("16 of the ports of this stack are in use:\n  15000 (API server) by pid 4194304 (ended")
    assert "  and 12 more\n" in said
    assert len(said.splitlines()) == 7
    assert "15002 (ZooKeeper) by a process of another user" in taken_ports(wanted, {15002: None})


def overview(**changes: object) -> Overview:
    """Of a stack whose pool serves."""
    known: dict[str, object] = {
        "api": "http://h:1", "application": "http://h:2", "mesos": "http://h:3", "masters": {"master": "h:3"},
        "agents": {"agent1": "h:4", "agent2": "h:5"}, "pools": {"web": {"web": ["http://h:6/"]}},
        "stats": ["http://h:7/haproxy?stats"],
    }  # fmt: skip
    return Overview(**(known | changes))  # type: ignore[arg-type]


def test_the_table_has_every_address() -> None:
    """Of all pools; one that serves nowhere is said to, and so are agents that are away."""
    assert list(overview().lines()) == [
        "  API          http://h:1/ping",
        "  Mesos        http://h:3/",
        "  pool web     http://h:6/",
        "  stats        http://h:7/haproxy?stats",
        "  application  http://h:2/v1/count",
    ]
    said = "\n".join(overview(pools={"web": {"web": []}}, missing=["agent2"]).lines())
    assert "  pool web     serves nowhere now; `edgelb status web` tells why" in said
    assert "  agents       1 of 2 are there, without agent2" in said


def test_what_runs_is_written_for_scripts_as_long_as_it_runs(tmp_path: Path) -> None:
    """The number of its masters is read from there; of a stack that ended meanwhile nothing is written."""
    place = Place(tmp_path)
    place.take()
    place.remember(25000)
    place.publish(overview(masters={"master": "h:3", "master2": "h:8"}).document(), os.getpid())
    assert place.layout() == Layout(directory=tmp_path, base_port=25000, masters=2)
    place.publish(overview().document(), os.getpid() + 1)
    assert not place.urls.exists()
    with pytest.raises(EnvironmentProblem, match="another version of edgelb"):
        place.layout()
    place.leave()
    place.publish(overview().document(), os.getpid())
    assert list(tmp_path.glob("*urls*")) == []


def test_a_stack_that_does_not_answer_ends_the_look_with_a_sentence(tmp_path: Path) -> None:
    """The API server is the one thing that nothing can be told without."""
    stack = Stack(Layout(directory=tmp_path, base_port=free_port()), Unheard())
    with pytest.raises(EnvironmentProblem, match=r"the API server was not there within 0 s: GET http://127\.0\.0\.1:"):
        look(stack, patience=0)


class Heard:
    """What a stack said."""

    def __init__(self) -> None:
        self.sentences: list[tuple[str, str]] = []

    def line(self, name: str, text: str) -> None:
        """Nothing prints a line here."""

    def told(self, name: str, sentence: str) -> None:
        """Keep it."""
        self.sentences.append((name, sentence))


def test_what_takes_long_is_told_while_it_does(tmp_path: Path) -> None:
    """With the reason that is known so far: nobody looks at a silent screen for a minute."""
    heard = Heard()
    stack = Stack(Layout(directory=tmp_path), heard, Options(tell_every=0.01))

    def there() -> bool:
        if not heard.sentences:
            raise EnvironmentProblem("it is new moon")
        return True

    stack.await_true(there, 10, "the moon")
    assert heard.sentences == [("up", "has waited 0.01 s for the moon: it is new moon")]


def test_a_full_disk_is_the_reason_of_what_does_not_come(tmp_path: Path) -> None:
    """Whatever failed first: somebody has to make room."""
    stack = Stack(Layout(directory=tmp_path), Heard())
    assert disk.trouble(tmp_path) == ""
    with pytest.raises(EnvironmentProblem, match="a stack needs 30 MB to start: make room"):
        disk.check(Path("/proc/self"))
    with pytest.raises(EnvironmentProblem, match=f"the moon was not there within 0 s; see {tmp_path}$"):
        stack.await_true(lambda: False, 0, "the moon")
    assert disk.trouble(Path("/proc")) == "; the disk of /proc is full: make room there, then all comes back"


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    """With what the system says, and no traceback."""
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "stack"
    done = CliRunner().invoke(cli, ["local", "up", "--directory", str(place), "--base-port", str(free_base())])
    assert (done.exit_code, done.output) == (1, f"Error: {place}: Not a directory\n")
