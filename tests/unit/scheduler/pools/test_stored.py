"""The stored form: whatever was stored is read, only differences are written, and nobody's fields are lost."""

import dataclasses
import json
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.pools.model import ApiVersion, Pool, PoolType, Revision
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool
from scheduler.pools.stored import sparse
from scheduler.pools.stored.record import MAX_BYTES, NewerForm, StoredPool, content_of, decode_head, encode, pool_of
from scheduler.pools.stored.sparse import Known, written
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob
from sdk.storage.connection import encode_json
from tests.support.pools import SUPPORTED, example, minimal

PATH = "/edgelb/pools/web"
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    NoneType: st.none(),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Values of this type, whatever the rules of the API say of them."""
    if dataclasses.is_dataclass(hint):
        kind: Any = hint
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: anything(hints[field.name]) for field in dataclasses.fields(kind)})
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=2).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, UnionType):
        return st.one_of(*map(anything, get_args(hint)))
    return SCALARS[hint]


POOLS = anything(Pool).map(lambda pool: dataclasses.replace(pool, name="web"))


def stored(pool: Pool, version: int = 1) -> StoredPool:
    """The pool as it is written down."""
    return StoredPool(pool, Revision("u1", version), 12.5, "ann", "c0ffee")


def read(data: bytes, text: str | None = None) -> StoredPool:
    """What a reader finds."""
    head = decode_head(PATH, data, 7)
    return pool_of(PATH, head, content_of(PATH, head, lambda _blob: text))


@settings(max_examples=200)
@given(POOLS)
def test_whatever_was_stored_is_read_whatever_the_rules_are(pool: Pool) -> None:
    """So a rule can become stricter without a pool that exists becoming unreadable."""
    assert read(*encode(stored(pool))) == stored(pool)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.data())
def test_who_knows_the_pool_before_writes_and_reads_the_same(data: st.DataObject) -> None:
    """However much of it is the same, in whatever order."""
    before, other = data.draw(POOLS), data.draw(POOLS)

    def some(field: str) -> tuple[Any, ...]:
        both = [*getattr(before.haproxy, field), *getattr(other.haproxy, field)]
        return tuple(data.draw(st.lists(st.sampled_from(both), max_size=5)) if both else ())

    haproxy = dataclasses.replace(before.haproxy, frontends=some("frontends"), backends=some("backends"))
    pool = dataclasses.replace(data.draw(st.sampled_from([before, other])), haproxy=haproxy)
    record = written(before)
    fresh = written(pool)
    assert written(pool, Known(record, before)) == fresh
    assert sparse.read(Pool, fresh, "pool", Known(record, before)) == pool
    assert record == written(before)


def test_what_did_not_change_is_the_same_objects() -> None:
    """A pool of ten thousand backends costs what changes in it."""
    before = load_pool(minimal())
    changed = dataclasses.replace(before.haproxy.backends[0], name="more")
    pool = dataclasses.replace(
        before, haproxy=dataclasses.replace(before.haproxy, backends=(before.haproxy.backends[0], changed))
    )
    record = written(before)
    again = written(pool, Known(record, before))
    assert again["haproxy"]["backends"][0] is record["haproxy"]["backends"][0]
    read_again = sparse.read(Pool, json.loads(json.dumps(again)), "pool", Known(record, before))
    assert read_again.haproxy.backends[0] is before.haproxy.backends[0]
    assert read_again == pool


@given(POOLS)
def test_what_an_earlier_release_stored_is_read(pool: Pool) -> None:
    """It wrote the API's shape with all defaults, of version 2, of pools of people, without variables and networks."""
    pool = dataclasses.replace(pool, api_version=ApiVersion.V2, type=PoolType.STATIC, environment=(), networks=())
    found = read(encode_json(dump_pool(pool) | {"uid": "u0"}))
    assert found == StoredPool(pool, Revision("u0", 8))


@pytest.mark.parametrize("name", SUPPORTED)
def test_the_documented_pools_make_the_way_through_both_forms(name: str) -> None:
    """As they were accepted."""
    pool = dataclasses.replace(load_pool(example(name)), name="web")
    assert read(encode_json(dump_pool(pool))).pool == dataclasses.replace(pool, environment=(), networks=())
    assert read(*encode(stored(pool))).pool == pool


def test_a_pool_of_before_keeps_texts_that_are_refused_now() -> None:
    """They were accepted once; what they mean is known."""
    shape = dump_pool(load_pool(minimal())) | {"constraints": "a rack:UNIQUE"}
    shape["haproxy"]["backends"][0]["balance"] = "uri len 0"
    found = read(encode_json(shape)).pool
    assert found.placement[0].parts == ("a rack", "UNIQUE")
    assert found.haproxy.backends[0].balance == "uri len 0"


def test_only_what_differs_from_the_defaults_is_written() -> None:
    """A pool of many backends would not fit otherwise."""
    data, text = encode(stored(load_pool(minimal())))
    value = json.loads(data)
    assert text is None
    assert {key: value[key] for key in ("schema", "uid", "version", "created", "author", "cookieKey")} == {
        "schema": 2,
        "uid": "u1",
        "version": 1,
        "created": 12.5,
        "author": "ann",
        "cookieKey": "c0ffee",
    }
    assert value["pool"]["haproxy"]["backends"] == [
        {"name": "app", "services": [{"marathon": {"serviceID": "/app"}, "endpoint": {"portName": "web"}}]}
    ]


def test_fields_of_a_newer_release_are_kept() -> None:
    """An older one that writes the pool does not know what it would drop."""
    pool = load_pool(minimal())
    before = json.loads(encode(stored(pool))[0])["pool"]
    before["weather"] = "fair"
    before["haproxy"]["backends"][0]["sticky"] = {"enabled": True}
    before["haproxy"]["backends"][0]["services"][0]["labels"] = {"a": "b"}
    before["haproxy"]["frontends"][0]["linkBackend"]["certificates"] = ["x"]
    data = encode_json({**json.loads(encode(stored(pool))[0]), "pool": before})
    assert read(data) == stored(pool)

    after = json.loads(encode(stored(dataclasses.replace(pool, count=3), 2), before)[0])["pool"]
    assert after == {**before, "count": 3}
    shrunk = dataclasses.replace(pool, haproxy=dataclasses.replace(pool.haproxy, backends=()))
    assert "backends" not in json.loads(encode(stored(shrunk), before)[0])["pool"]["haproxy"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"garbage", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", r"pool\.name: is missing"),
        (b'{"name": "other"}', "holds a pool of the name other"),
        (b'{"schema": 2}', "is not the record of a pool"),
        (b'{"schema": 1e999}', "is not the record of a pool"),
        (b'{"schema": 2, "uid": "u", "version": 1e999}', "is not the record of a pool"),
        (b'{"schema": 2, "uid": "u", "version": 1, "created": 0, "author": "", "pool": []}', "must be an object"),
    ],
)
def test_what_is_no_pool_is_told_as_such(data: bytes, message: str) -> None:
    """With the path of what is wrong."""
    with pytest.raises(CorruptRecord, match=message):
        read(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": "two"}, r"pool\.count: is 'two'; it must be of type int"),
        ({"count": True}, r"pool\.count: is True"),
        ({"haproxy": {"frontends": {}}}, r"pool\.haproxy\.frontends: is \{\}; it must be an array"),
        ({"haproxy": {"frontends": [{}]}}, r"pool\.haproxy\.frontends\[0\]\.name: is missing"),
        ({"haproxy": {"backends": [{"name": "a", "protocol": "QUIC"}]}}, "this release knows HTTP, HTTPS, TCP, TLS"),
    ],
)
def test_a_value_of_another_type_is_not_guessed_at(changes: dict[str, Any], message: str) -> None:
    """What is served would be something that nobody asked for."""
    head = {"schema": 2, "uid": "u", "version": 1, "created": 0, "author": ""}
    with pytest.raises(CorruptRecord, match=message):
        read(encode_json({**head, "pool": {"name": "web", **changes}}))


def test_a_form_of_a_newer_release_is_told_apart_from_damage() -> None:
    """Damage is mended by writing the pool anew; this must not be written over."""
    data = encode_json({"schema": 3, "uid": "u", "version": 1, "created": 0, "author": ""})
    with pytest.raises(NewerForm, match="reads up to 2: run the newer one"):
        decode_head(PATH, data, 0)


@pytest.mark.slow
def test_a_large_pool_stands_beside_its_node() -> None:
    """A thousand backends, or ten thousand services, fit; what is beyond any use is refused."""
    backends = [{"name": f"app-{number}", "services": [service(number)]} for number in range(1000)]
    services = [{"name": "all", "services": [service(number) for number in range(10_000)]}]
    for listed in (backends, services):
        pool = load_pool({"name": "web", "haproxy": {"backends": listed}})
        data, text = encode(stored(pool))
        assert text is not None
        assert len(data) < 1000
        assert json.loads(data)["content"] == list(Blob.of(text))
        assert read(data, text) == stored(pool)
        assert content_of(PATH, decode_head(PATH, data, 0), lambda _blob: None) is None
    with pytest.raises(InvalidPool, match=f"the limit is {MAX_BYTES}: split it"):
        encode(stored(dataclasses.replace(pool, constraints="x" * MAX_BYTES)))


def service(number: int) -> dict[str, Any]:
    """One selector."""
    return {"marathon": {"serviceID": f"/group/app-{number}"}, "endpoint": {"portName": "http"}}
