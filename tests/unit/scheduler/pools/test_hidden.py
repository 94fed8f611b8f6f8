"""Values of variables that become files are stored and never shown."""

import pytest

from scheduler.pools.model import EnvironmentVariable, Pool
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.hidden import HIDDEN, hides, revealed
from scheduler.pools.v1.schema import load_v1_pool


def pool(**variables: str) -> Pool:
    return Pool(
        name="web", environment=tuple(EnvironmentVariable(name=name, value=variables[name]) for name in variables)
    )


def test_keys_are_shown_nowhere() -> None:
    """Other variables are."""
    shape = output_pool(pool(A="b", ELB_FILE_KEY="key"))
    assert shape["environmentVariables"] == {"A": "b", "ELB_FILE_KEY": HIDDEN}
    assert "'key'" not in repr(pool(ELB_FILE_KEY="key"))


def test_who_writes_back_what_he_was_shown_keeps_the_value() -> None:
    """Beside what he changed."""
    before = pool(ELB_FILE_KEY="key", ELB_FILE_OLD="old")
    again = load_pool(output_pool(before) | {"environmentVariables": {"ELB_FILE_KEY": HIDDEN, "A": "b"}})
    assert hides(again)
    assert revealed(again, before).environment == pool(A="b", ELB_FILE_KEY="key").environment
    assert not hides(before)


@pytest.mark.parametrize("before", [None, pool(), pool(ELB_FILE_KEY=HIDDEN)])
def test_a_value_that_nobody_knows_is_asked_for(before: Pool | None) -> None:
    """By the path of the variable."""
    with pytest.raises(InvalidPool, match=r"^pool.environmentVariables.ELB_FILE_KEY: .* give the value itself$"):
        revealed(pool(ELB_FILE_KEY=HIDDEN), before)


def test_what_no_file_and_no_variable_could_hold_is_refused() -> None:
    """Halves of characters, too, which nothing could store."""
    with pytest.raises(InvalidPool, match="halves of characters"):
        load_pool({"name": "web", "environmentVariables": {"ELB_FILE_KEY": "key\ud800"}})


def test_no_message_holds_a_value() -> None:
    """In both versions of the API."""
    shape = {"name": "web", "environmentVariables": {"ELB_FILE_KEY": "key\0", "A": "se\ncret", "PATH": "secret"}}
    for load in (load_pool, load_v1_pool):
        with pytest.raises(InvalidPool) as raised:
            load(shape)
        assert len(raised.value.problems) == 3
        assert not {"key", "se", "secret"} & set(str(raised.value).replace(":", " ").split())
