"""The supervisor behind `edgelb serve`: when it goes on, when it gives up, how lines are told apart."""

import json

import pytest

from api.cli.exits import Exit
from api.cli.serve import COMPONENTS, Outcome, Tagged, reachable
from api.cli.supervisor import Backoff


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


def test_backoff_doubles_up_to_a_limit_and_is_forgotten_after_stability() -> None:
    """Pure arithmetic."""
    backoff = Backoff(first=1, limit=5, stable=30)
    delays = [1.0]
    while len(delays) < 5:
        delays.append(backoff.next(delays[-1], ran=0))

    assert delays == [1, 2, 4, 5, 5]
    assert backoff.next(5, ran=31) == 1
