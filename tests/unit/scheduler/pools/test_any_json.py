"""Whatever JSON arrives, loading ends in a pool or in problems with paths."""

import copy
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.pools.model import Pool
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool
from tests.support.pools import minimal

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
NAMES = st.sampled_from(
    [
        "name",
        "count",
        "haproxy",
        "stats",
        "frontends",
        "backends",
        "bindPort",
        "ports",
        "constraints",
        "services",
        "map",
    ]
) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


def load(data: object) -> Pool | None:
    """The pool, None when it is refused properly."""
    try:
        return load_pool(data)
    except InvalidPool as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, each has its own shape
        assert all(problem.path.startswith("pool") and problem.rule for problem in error.problems)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
        return None


@given(JSON)
@example({"\n": False})
def test_any_value_is_loaded_or_refused_with_paths(data: object) -> None:
    """No other exception escapes, and messages are one line."""
    load(data)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@settings(max_examples=200)
@given(st.data())
def test_a_valid_pool_with_one_place_replaced_is_loaded_or_refused(data: st.DataObject) -> None:
    """And what is loaded makes the round trip."""
    changed = copy.deepcopy(minimal(count=2, constraints="hostname:UNIQUE", ports=[80, 9090]))
    path = data.draw(st.sampled_from(_places(changed)))
    at: Any = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = data.draw(JSON)
    pool = load(changed)
    if pool is not None:
        assert load_pool(output_pool(pool)) == load_pool(dump_pool(pool)) == pool
