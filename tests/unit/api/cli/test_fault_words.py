"""The words of `edgelb local fault`: one name for each fault, and a sentence for every count."""

import dataclasses

import click
import pytest

from api.cli.local.fault import fault
from api.cli.local.fault_words import AGENT_FAULTS, MASTER_FAULTS, command_of, doomed, value_of
from sdk.local.fault_values import AgentFaults, MasterFaults


@pytest.mark.parametrize(("faults", "names"), [(AgentFaults, AGENT_FAULTS), (MasterFaults, MASTER_FAULTS)])
def test_every_fault_is_called_as_the_command_that_sets_it(
    faults: type[AgentFaults | MasterFaults], names: dict[str, str]
) -> None:
    """What `list` shows can be typed: it is a command, with the argument that chooses the kind."""
    assert list(names) == [field.name for field in dataclasses.fields(faults)]
    for name in names.values():
        command, _, choice = name.partition(" ")
        if name == "--framework":
            continue
        kinds = [item.type.choices for item in fault.commands[command].params if isinstance(item.type, click.Choice)]
        assert choice in kinds[0] if choice else not kinds, name


def test_a_fault_of_another_version_keeps_its_name() -> None:
    """Better than none."""
    assert command_of("tilted", master=True) == "tilted"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("partition", True, "on"),
        ("drop_updates", 1, "the next one"),
        ("drop_updates", 3000, "the next 3,000"),
        ("drop_updates", -1, "all"),
        ("delay_updates", 2.5, "2.5 s"),
        ("slow", 1, "1 s"),
        ("framework_id", "f-1", "f-1"),
    ],
)
def test_a_value_says_what_it_means(name: str, value: object, words: str) -> None:
    """-1 is all, a time has its unit."""
    assert value_of(name, value) == words


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "The next launch on agent1 will be lost."),
        (2, "The next 2 launches on agent1 will be lost."),
        (0, "No launches on agent1 are lost any more."),
        (-1, "From now on all launches on agent1 will be lost, until this is undone."),
    ],
)
def test_every_count_has_its_sentence(count: int, sentence: str) -> None:
    """0 takes back what was asked for before, -1 is for ever."""
    assert doomed(count, "launch", "launches", whose=" on agent1", will="be lost", now="are lost") == sentence
