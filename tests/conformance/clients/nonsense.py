"""Streams that no Mesos should send: recorded events with parts replaced, and broken RecordIO, JSON and HTTP."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from tests.conformance.clients.recording import streams
from tests.contracts.mesos.server import chunk

Json = dict[str, Any]

# Also lone surrogates, which JSON can write and UTF-8 cannot, and numbers that no other type holds.
TEXTS = st.text(st.characters(), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.just(10**400),
    st.floats(),
    TEXTS,
    st.sampled_from(["TASK_RUNNING", "TASK_NEW", "SCALAR", "RANGES", "cpus"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


NASTY: dict[type, list[Any]] = {
    str: ["", "\ud800", "x" * 300, 1, ["x"], {"value": "x"}, None],
    int: [-1, 0, 10**400, 2**64, float("inf"), float("nan"), "1", True, None],
    float: [-1.0, 0.0, 10**400, 1e308, float("inf"), float("nan"), "1.5", True, None],
    bool: [0, "true", None],
    dict: [{}, [], "x", 1, None, {"value": ["x"]}],
    list: [[], {}, "x", 1, None, [None], [1], [["x"]], [{}]],
}


def recorded(who: str) -> list[Json]:
    """One event of every shape; those that rightly end a framework for good are left out."""
    kinds: dict[tuple[str, int], Json] = {}
    for stream in streams(who):
        for event in stream.events:
            kind = event.body["type"]
            if kind != "ERROR":
                kinds.setdefault((kind, len(event.body.get(kind.lower(), ()))), event.body)
    return list(kinds.values())


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all values in some JSON but the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*at, key)
        yield from places(part, (*at, key))


def value_at(value: Any, place: tuple[str | int, ...]) -> Any:
    """The value behind a path."""
    for step in place:
        value = value.get(step) if isinstance(value, dict) else value[step]
    return value


@st.composite
def spoiled(draw: st.DrawFn, events: list[Json]) -> Json:
    """A recorded event in which a few values, anywhere, are others or missing."""
    event: Json = copy.deepcopy(draw(st.sampled_from(events)))
    for _ in range(draw(st.integers(1, 3))):
        all_places = list(places(event)) or [("type",)]
        # Mostly texts and numbers: where a whole object is another, nothing below it is looked at.
        leaves = [place for place in all_places if not isinstance(value_at(event, place), dict | list)]
        deep = leaves and draw(st.integers(0, 3)) > 0
        *way, key = draw(st.sampled_from(leaves if deep else all_places))
        holder = value_at(event, tuple(way))
        match draw(st.sampled_from(["nasty", "nasty", "other", "gone"])):
            case "nasty":
                was = holder.get(key) if isinstance(holder, dict) else holder[key]
                holder[key] = copy.deepcopy(draw(st.sampled_from(NASTY.get(type(was), [None]))))
            case "other":
                holder[key] = draw(ANYTHING)
            case _ if isinstance(holder, dict):
                holder.pop(key, None)
            case _:
                del holder[key]
    return event


def record(event: Any) -> bytes:
    """RecordIO of any JSON."""
    data = json.dumps(event).encode()
    return b"%d\n%s" % (len(data), data)


def broken_records() -> st.SearchStrategy[bytes]:
    """RecordIO that is none, or that holds no event."""
    return st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"99999999999\n",
                b"18446744073709551616\n",
                b"-5\nhello",
                b"+2\n{}",
                b" 2\n{}",
                b"\n",
                b"0\n",
                b"5\nhello",
                b"4\nnull",
                b"2\n[]",
                b"20\n",
                b"3\n\xff\xfe\xfd",
                b'13\n{"type":"\xff\xfe"}',
                "2\n{}".encode("utf-16"),
                b"%d\n%s" % (100_000, b"[" * 100_000),
                b"%d\n%s" % (5000, b"1" * 5000),
                b'99\n{"type":"HEARTBEAT"}',
            ]
        ),
        st.builds(record, ANYTHING),
        st.builds(lambda text: record({"type": text}), TEXTS),
    )


@st.composite
def broken_bodies(draw: st.DrawFn, events: list[Json]) -> bytes:
    """The body of a stream of which at least one part is wrong, in chunks that may be broken, too."""
    parts = draw(st.lists(st.builds(record, spoiled(events)) | broken_records(), min_size=1, max_size=4))
    data = b"".join(parts)
    framing: Callable[[bytes], bytes] = draw(
        st.sampled_from(
            [
                chunk,
                lambda data: b"".join(map(chunk, (data[at : at + 7] for at in range(0, min(len(data), 7000), 7)))),
                lambda data: data,
                lambda data: chunk(data)[:-3],
                lambda data: b"zz\r\n" + data,
                lambda data: b"ffffffff\r\n" + data,
            ]
        )
    )
    return framing(data)


ENDS = st.sampled_from(["zero chunk", "connection closed"])
