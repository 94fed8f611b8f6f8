"""Any pool of version 1 is the same pool after it became one of version 2, was stored and is shown again."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.pools.model import ApiVersion, Pool
from scheduler.pools.output import output_pool, output_v1_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.sparse import read, written
from scheduler.pools.v1.schema import dump_v1_pool, load_v1_pool

NAMES = st.text("abc-./", min_size=1, max_size=8)
PATTERNS = st.sampled_from(["^a-.*$", "b|c", "x+"])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def name(required: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """A condition on a name."""
    exact = st.fixed_dictionaries({"value": NAMES}, optional={"match": st.just("EXACT")})
    pattern = st.fixed_dictionaries({"value": PATTERNS, "match": st.just("REGEX")})
    return exact | pattern if required else exact | pattern | st.just({})


REST = {"check": some(enabled=st.booleans())}
TASKS = st.fixed_dictionaries(
    {"task": name(required=True)},
    optional={
        "type": st.sampled_from(["AUTO_IP", "AGENT_IP", "CONTAINER_IP"]),
        "framework": name(),
        "port": some(name=NAMES) | some(all=st.booleans()),
        **REST,
    },
)
LABELS = st.text("abc0-", min_size=1, max_size=5).filter(lambda text: text.strip("-") == text)
VIPS = st.fixed_dictionaries(
    {
        "type": st.just("VIP"),
        "port": st.builds("/{}:{}".format, LABELS, st.integers(1, 65535)).map(lambda vip: {"vip": vip}),
    },
    optional={"framework": some(value=LABELS), **REST},
)
ADDRESSES = st.fixed_dictionaries(
    {
        "type": st.just("VIP"),
        "port": st.builds("11.0.0.{}:80".format, st.integers(1, 254)).map(lambda vip: {"vip": vip}),
    }
)
BACKENDS = st.lists(st.lists(TASKS | VIPS | ADDRESSES, max_size=3), max_size=3).map(
    lambda lists: [{"name": f"b{index}", "servers": servers} for index, servers in enumerate(lists)]
)
FRONTENDS = st.lists(some(bindPort=st.sampled_from([-1, 0]), bindAddress=st.just("127.0.0.1")), max_size=2).map(
    lambda frontends: [frontend | {"name": f"f{index}"} for index, frontend in enumerate(frontends)]
)
POOLS = st.fixed_dictionaries(
    {"name": st.just("web"), "haproxy": some(frontends=FRONTENDS, backends=BACKENDS)},
    optional={
        "apiVersion": st.just("V1"),
        "count": st.integers(0, 9),
        "constraints": st.sampled_from(["", "hostname:UNIQUE", "rack:IS:r1"]),
        "disk": st.integers(0, 9),
        "cpus": st.sampled_from([0.5, 2]),
        "role": st.sampled_from(["*", "slave_public"]),
        "poolHealthcheckTimeout": st.integers(2, 9),
    },
)


def filled(written: Any, shown: Any) -> Any:
    """What was written, with what is shown where nothing was written."""
    if isinstance(written, dict):
        return {key: filled(written[key], value) if key in written else value for key, value in shown.items()} | {
            key: value for key, value in written.items() if key not in shown
        }
    if isinstance(written, list):
        return [filled(one, other) for one, other in zip(written, shown, strict=True)]
    return written


@settings(max_examples=300)
@given(POOLS)
def test_a_pool_is_shown_as_it_was_written_with_the_defaults_filled_in(data: dict[str, Any]) -> None:
    """Nothing that was written is lost or changed; -1 for a port that was not given is shown as any free one."""
    data = json.loads(json.dumps(data).replace('"bindPort": -1', '"bindPort": 0'))
    shape = dump_v1_pool(load_v1_pool(data))

    assert shape == filled(data, shape)


@settings(max_examples=300)
@given(POOLS)
def test_both_versions_show_the_same_pool_whichever_way_it_goes(data: dict[str, Any]) -> None:
    """Through the store, through version 1 and through version 2."""
    pool = load_v1_pool(data)

    assert load_v1_pool(output_v1_pool(pool)) == load_v1_pool(dump_v1_pool(pool)) == pool
    assert read(Pool, json.loads(json.dumps(written(pool))), "pool") == pool
    as_version_2 = load_pool(output_pool(pool))
    assert as_version_2.api_version is ApiVersion.V2
    assert output_v1_pool(as_version_2) == output_v1_pool(pool)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = st.sampled_from(
    ["name", "haproxy", "backends", "servers", "framework", "task", "port", "vip", "all", "type", "value", "match"]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300)
@given(POOLS, st.data())
def test_whatever_stands_in_a_server_it_is_loaded_or_refused_with_a_path(pool: Any, data: st.DataObject) -> None:
    """No other exception escapes."""
    changed = json.loads(json.dumps(pool))
    changed["haproxy"]["backends"] = [{"name": "b", "servers": [data.draw(JSON | KEYS.flatmap(of_key))]}]
    try:
        loaded = load_v1_pool(changed)
    except InvalidPool as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, each has its own shape
        assert all(".services" not in str(problem) for problem in error.problems)  # noqa: PT017
    else:
        assert load_v1_pool(output_v1_pool(loaded)) == loaded


def of_key(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """A server of one field, whatever that holds."""
    return JSON.map(lambda value: {"task": {"value": "a"}, key: value})
