"""The supervisor behind `edgelb serve`: when it goes on, when it gives up, how lines are told apart."""

import json

import click
import pytest

from api.cli.exits import Exit
from api.cli.main import cli
from api.cli.processes import run
from api.cli.serve import COMPONENTS, Outcome, Tagged, handed_on, reachable, serve
from api.cli.supervisor import ending


def test_it_goes_on_while_any_component_stays_up() -> None:
    """ZooKeeper may be away for hours; a component that flaps is only started again."""
    outcome = Outcome(COMPONENTS)
    for _ in range(100):
        for name in COMPONENTS[:-1]:
            assert outcome.ended(name, 1, 0.1) is None


def test_it_gives_up_when_no_component_ever_stays_up() -> None:
    """Whoever started it (Marathon) shows the failure and tries elsewhere."""
    outcome = Outcome(("a", "b"))
    verdicts = [outcome.ended(name, 1, 0.1) for _ in range(8) for name in ("a", "b")]

    assert verdicts[:-1] == [None] * 15
    assert verdicts[-1] is not None
    assert verdicts[-1][0] is Exit.FAILED


def test_a_component_that_worked_for_a_while_is_forgiven() -> None:
    """Only quick ends in a row count."""
    outcome = Outcome(("a",))
    for _ in range(7):
        assert outcome.ended("a", 1, 0.1) is None
    assert outcome.ended("a", 1, 60.0) is None
    for _ in range(7):
        assert outcome.ended("a", 1, 0.1) is None


def test_wrong_settings_end_it_at_once() -> None:
    """Starting again cannot help."""
    verdict = Outcome(COMPONENTS).ended("api", Exit.USAGE, 0.2)

    assert verdict is not None
    assert verdict[0] is Exit.USAGE


def test_text_lines_are_prefixed_and_json_lines_stay_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Both tell the component."""
    for line in ("hello", '{"event": "hello"}', "{}"):
        Tagged(form="json").line("api", line)
    text, document, empty = capsys.readouterr().err.splitlines()
    assert text == "api       | hello"
    assert json.loads(document) == {"component": "api", "event": "hello"}
    assert empty == "api       | {}"


def test_what_the_supervisor_says_has_the_form_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A collector that reads JSON gets JSON of each line, with the same keys as the components' own."""
    Tagged(form="json").told("listener", 'was killed by "SIGKILL"')
    Tagged(form="text").told("listener", "was killed by SIGKILL")
    document, text = capsys.readouterr().err.splitlines()
    found = json.loads(document)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"component": "listener", "event": 'was killed by "SIGKILL"', "level": "warning"}
    assert text == "listener  | was killed by SIGKILL"


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:1", "127.0.0.1:1"),
        (":1", "127.0.0.1:1"),
        ("[::]:1", "127.0.0.1:1"),
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("10.0.0.1:1", "10.0.0.1:1"),
    ],
)
def test_the_template_reaches_the_listener_where_it_listens(listen: str, address: str) -> None:
    """An address that means all addresses is reached at loopback."""
    assert reachable(listen) == address


@pytest.mark.parametrize(("status", "said"), [(-9, "was killed by SIGKILL"), (-40, "was killed by signal 40")])
def test_the_end_by_any_signal_has_a_sentence(status: int, said: str) -> None:
    """Python has no names for most of the real-time signals."""
    assert ending(status, []) == said


GIVEN = {
    "--zk": "zk1:2181", "--zk-root": "/other", "--mesos": "m:5050", "--frameworks": "f.json",
    "--api-listen": "0.0.0.0:1", "--scheduler-listen": "0.0.0.0:2", "--scheduler-advertise": "http://h:2",
    "--listener-listen": "0.0.0.0:3", "--listener-health-listen": "0.0.0.0:4", "--template-health-listen": "0.0.0.0:5",
    "--listener": "l:3,m:3", "--replace-after": "0.5", "--replacements-at-once": "7", "--mesos-principal": "p",
    "--mesos-secret-file": "s", "--mesos-ca": "ca", "--mesos-certificate": "crt", "--mesos-key": "key",
    "--scheduler-secret-file": "secret", "--scheduler-ca": "sca", "--scheduler-access-file": "who",
    "--scheduler-certificate": "scrt", "--scheduler-key": "skey", "--scheduler-client-ca": "cca",
    "--credentials-file": "users", "--api-certificate": "api.pem", "--api-key": "api.key", "--log-level": "debug",
    "--log-format": "json",
}  # fmt: skip
FLAGS = {"--mesos-verify", "--allow-unauthenticated"}


def called(command: click.Command, *arguments: str) -> click.Context:
    """The command as it is when people call it, below `edgelb`; commands remember how they were called first."""
    return command.make_context(command.name, list(arguments), parent=click.Context(cli, **cli.context_settings))


def settings_of(component: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """By variable, what a component makes of the environment."""
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        context = called(run.commands[component])
    return {str(one.envvar): context.params[str(one.name)] for one in context.command.params if one.envvar}


@pytest.mark.parametrize("flags", [["--no-mesos-verify", "--allow-unauthenticated"], ["--mesos-verify"], []])
def test_every_option_reaches_the_components_that_have_it(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same meaning, whatever stands in the environment; and there is none that no component has."""
    for name, value in (("EDGELB_ZK", "else:2181"), ("EDGELB_MESOS_VERIFY", "0"), ("EDGELB_HOLD_PERCENT", "7")):
        monkeypatch.setenv(name, value)
    context = called(serve, *(word for pair in GIVEN.items() for word in pair), *flags)
    assert {one.opts[0] for one in serve.params} - {"--help"} == GIVEN.keys() | FLAGS
    wanted = {str(one.envvar): context.params[str(one.name)] for one in serve.params if one.envvar}
    found = {name: settings_of(name, handed_on(serve, context.params), monkeypatch) for name in COMPONENTS}

    assert wanted["EDGELB_MESOS_VERIFY"] is ("--mesos-verify" in flags)
    for variable, value in wanted.items():
        assert {str(one[variable]) for one in found.values() if variable in one} == {str(value)}, variable
    assert found["template"]["EDGELB_HOLD_PERCENT"] == 7


def test_the_template_follows_the_listener_that_is_started_unless_another_is_named() -> None:
    """At an address at which it can be reached."""
    context = called(serve, "--listener-listen", "0.0.0.0:3")
    assert handed_on(serve, context.params)["EDGELB_LISTENER"] == "127.0.0.1:3"
