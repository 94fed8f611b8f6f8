"""Faults as values: what may be set, what a refusal says, and what the next messages meet."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.fault_values import AgentFaults, Faults, MasterFaults

KINDS: list[type[Faults]] = [AgentFaults, MasterFaults]
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("kind", "wanted", "said"),
    [
        (AgentFaults, {"partition": 1}, "partition: 1 is not possible, it is true or false"),
        (AgentFaults, {"drop_updates": -2}, "drop_updates: -2 is not possible, it is how many of the next ones"),
        (AgentFaults, {"drop_updates": True}, "drop_updates: True is not possible"),
        (AgentFaults, {"lose_launches": 1.5}, "lose_launches: 1.5 is not possible"),
        (AgentFaults, {"fail_operations": 10**9}, "fail_operations: 1000000000 is not possible"),
        (AgentFaults, {"delay_updates": -0.1}, "delay_updates: -0.1 is not possible, it is seconds from 0 to 3600"),
        (AgentFaults, {"delay_updates": float("nan")}, "delay_updates: nan is not possible"),
        (AgentFaults, {"slow": 1}, "there is no fault 'slow'; known are partition, drop_updates, delay_updates"),
        (MasterFaults, {"slow": "1"}, "slow: '1' is not possible, it is seconds"),
        (MasterFaults, {"silent": 1e9}, "silent: 1000000000.0 is not possible"),
        (MasterFaults, {"cut_agents": None}, "cut_agents: None is not possible"),
        (MasterFaults, {"framework_id": 7}, "framework_id: 7 is not possible, it is the id of a framework"),
        (MasterFaults, {"partition": True}, "there is no fault 'partition'; known are slow, silent, cut_schedulers"),
        (MasterFaults, [], "faults are a JSON object that names some of: slow, silent"),
    ],
)
def test_what_is_impossible_is_named_with_its_rule(kind: type[Faults], wanted: Any, said: str) -> None:
    """The field, the value and the rule; of an unknown name the known ones."""
    with pytest.raises(ValueError) as caught:
        kind().change(wanted)
    assert said in str(caught.value)


def test_a_refused_change_changes_nothing() -> None:
    """Not even what stood before the mistake."""
    faults = AgentFaults(drop_updates=2)
    with pytest.raises(ValueError):
        faults.change({"partition": True, "drop_updates": "all"})
    assert faults == AgentFaults(drop_updates=2)


@given(kind=st.sampled_from(KINDS), wanted=ANY_JSON, names=st.booleans(), pick=st.integers(0, 100))
def test_whatever_is_sent_is_taken_or_refused(kind: type[Faults], wanted: Any, names: bool, pick: int) -> None:
    """Anything that JSON can say, also as the value of a known name: ValueError, or values that are possible."""
    faults = kind()
    if names:
        known = list(faults.json())
        wanted = {known[pick % len(known)]: wanted}
    try:
        told = faults.change(wanted)
    except ValueError as error:
        said = str(error)
        assert faults == kind()
        # However much was sent, the answer is a sentence.
        assert len(said) < 500
    else:
        assert told == frozenset(wanted)
        assert kind().change(json.loads(json.dumps(faults.json()))) == frozenset(faults.json())


@pytest.mark.parametrize("kind", KINDS)
def test_clear_heals_everything(kind: type[Faults]) -> None:
    """All values are those of a healthy process again; active tells only what is not."""
    faults = kind()
    values = {bool: True, int: 3, float: 1.5, str: "f"}
    types = {field.name: type(field.default) for field in dataclasses.fields(faults)}  # type: ignore[arg-type]
    faults.change({name: values[of] for name, of in types.items()})
    assert faults.active() == faults.json()
    assert faults.clear() == frozenset(types)
    assert faults == kind()
    assert faults.active() == {}


def test_a_count_hits_so_many_and_minus_one_hits_all() -> None:
    """After the last one everything arrives again; -1 stays until it is changed."""
    run = {"type": "RUN_TASK"}
    faults = AgentFaults(lose_launches=2)
    assert [faults.from_master(run) for _ in range(3)] == [None, None, run]
    faults.change({"lose_launches": -1})
    assert [faults.from_master(run) for _ in range(5)] == [None] * 5
    assert faults.lose_launches == -1


def test_only_the_named_kind_of_message_is_hit() -> None:
    """A lost launch needs a launch, a lost update an update, a failing operation an operation."""
    faults = AgentFaults(lose_launches=1, drop_updates=1, fail_operations=1)
    assert faults.from_master({"type": "PING"}) == {"type": "PING"}
    assert faults.to_master({"type": "PONG"})
    assert faults == AgentFaults(lose_launches=1, drop_updates=1, fail_operations=1)
    assert faults.from_master({"type": "RUN_TASK_GROUP"}) is None
    assert not faults.to_master({"type": "UPDATE"})
    failing = faults.from_master({"type": "APPLY_OPERATION"})
    assert failing is not None
    assert "on demand" in failing["failure"]
    assert faults == AgentFaults()


def test_a_partition_uses_up_nothing() -> None:
    """Nothing passes, and the other faults are as they were when it heals."""
    faults = AgentFaults(partition=True, lose_launches=1, drop_updates=1)
    assert faults.from_master({"type": "RUN_TASK"}) is None
    assert not faults.to_master({"type": "UPDATE"})
    assert (faults.lose_launches, faults.drop_updates) == (1, 1)


def test_a_framework_can_be_singled_out() -> None:
    """With framework_id the streams and events of others are left alone."""
    faults = MasterFaults(cut_schedulers=1, drop_updates=1, drop_rescinds=1, framework_id="one")
    assert not faults.cuts_scheduler("two")
    assert not faults.drops({"type": "UPDATE"}, "two")
    assert not faults.drops({"type": "OFFERS"}, "one")
    assert faults.cuts_scheduler("one")
    assert faults.drops({"type": "UPDATE"}, "one")
    assert faults.drops({"type": "RESCIND"}, "one")
    assert faults == MasterFaults(framework_id="one")
