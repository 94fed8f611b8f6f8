"""Records by id and by agent: the index says what a walk over all of them would."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.placed import Placed

NAMES = st.sampled_from(["1", "2", "3", "4"])
STEPS = st.one_of(
    st.tuples(st.just("set"), NAMES, NAMES),
    st.tuples(st.sampled_from(["pop", "del", "default"]), NAMES),
    st.tuples(st.sampled_from(["first", "clear"])),
)


@dataclass(frozen=True)
class Record:
    """Something on an agent."""

    agent_id: str
    number: int


@given(st.lists(STEPS, max_size=40))
def test_it_is_a_dict_with_an_index(steps: list[tuple[str, ...]]) -> None:
    """After any steps it holds what a dict would, in the same order, and every agent has its own records."""
    placed, plain = Placed[Record](), dict[str, Record]()
    for number, step in enumerate(steps):
        match step:
            case ("set", name, agent_id):
                placed[name] = plain[name] = Record(agent_id, number)
            case ("pop", name):
                assert placed.pop(name, None) == plain.pop(name, None)
            case ("del", name) if name in plain:
                del placed[name], plain[name]
            case ("default", name):
                record = Record(name, number)
                assert placed.setdefault(name, record) == plain.setdefault(name, record)
            case ("first",) if plain:
                first = next(iter(plain))
                assert placed.popitem() == (first, plain.pop(first))
            case ("clear",):
                placed.clear()
                plain.clear()
        assert (list(placed), list(placed.values()), list(placed.items())) == (
            list(plain), list(plain.values()), list(plain.items()),
        )  # fmt: skip
        assert len(placed) == len(plain)
        for name in ("1", "2", "3", "4"):
            assert placed.get(name) == plain.get(name)
            there = [record for record in plain.values() if record.agent_id == name]
            assert sorted(placed.on(name), key=lambda item: item.number) == sorted(there, key=lambda item: item.number)


def test_what_is_on_an_agent_may_be_taken_out_on_the_way() -> None:
    """The list is of the moment in which it was asked for."""
    placed = Placed[Record]()
    for number in range(3):
        placed[str(number)] = Record("a", number)
    for record in placed.on("a"):
        del placed[str(record.number)]
    assert not placed
    assert placed.on("a") == []
