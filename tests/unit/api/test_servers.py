"""The servers of a pool as they are published: followed by operations, or read whole."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.observed.servers import PublishedServers, counted
from pool_executor.contract import (
    Blob,
    Endpoints,
    Operation,
    Put,
    Remove,
    Segment,
    Server,
    State,
    apply,
    encode_segment,
    encode_shard,
    encode_shards,
    shard_of,
)
from sdk.storage.blobs import BlobMissing

backends = st.sampled_from(["a", "b", "c"])
names = st.sampled_from([f"s{number}" for number in range(5)])
ports = st.integers(1, 9)
operations = st.lists(
    st.one_of(
        st.builds(lambda backend, name, port: Put(backend, Server(name, "10.0.0.1", port, 1)), backends, names, ports),
        st.builds(Remove, backends, names),
    ),
    max_size=12,
)


class Texts(dict[Blob, str]):
    """Parts, and which were asked for."""

    def __init__(self) -> None:
        self.asked: list[Blob] = []

    def fetch(self, blobs: Sequence[Blob]) -> list[str]:
        """The texts."""
        self.asked += blobs
        if missing := [blob for blob in blobs if blob not in self]:
            raise BlobMissing(missing[0].sha256, "is not there")
        return [self[blob] for blob in blobs]


def published(log: list[Operation], base: int, since: int, inline: int, texts: Texts) -> Endpoints:
    """The head after `log`: the base has its first `base` operations, one segment those from `since` to `inline`."""
    servers: dict[str, dict[str, Server]] = {}
    apply(servers, log[:base])
    shards: dict[int, Blob] = {}
    for number in {shard_of(backend) for backend in servers}:
        shards[number] = stored(encode_shard({b: ones for b, ones in servers.items() if shard_of(b) == number}), texts)
    listed = stored(encode_shards(shards), texts) if shards else None
    segment = Segment(since + 1, inline, stored(encode_segment(log[since:inline]), texts))
    return Endpoints(
        pool="web",
        lineage="f00",
        epoch=1,
        sequence=len(log),
        base=base,
        shards=listed,
        segments=(segment,) if inline > since else (),
        operations=tuple(log[inline:]),
    )


def stored(text: str, texts: Texts) -> Blob:
    """Keep the text."""
    texts[Blob.of(text)] = text
    return Blob.of(text)


@given(operations, st.data())
def test_who_follows_has_what_who_reads_everything_has(log: list[Operation], data: st.DataObject) -> None:
    """Whatever stands in the base, in segments and in the head, and wherever the follower was."""
    followed = PublishedServers()
    texts = Texts()
    for length in sorted(data.draw(st.lists(st.integers(0, len(log)), min_size=1, max_size=4))):
        base = data.draw(st.integers(0, length))
        since = data.draw(st.integers(0, base))
        head = published(log[:length], base, since, data.draw(st.integers(since, length)), texts)
        wanted: dict[str, dict[str, Server]] = {}
        apply(wanted, log[:length])
        assert followed.of(head, texts.fetch) == wanted
        assert PublishedServers().of(head, texts.fetch) == wanted


def test_what_was_given_is_never_changed() -> None:
    """Another thread may be printing it."""
    followed, nothing = PublishedServers(), Texts().fetch
    server = Server("s1", "10.0.0.1", 80, 1)
    before = followed.of(published([Put("a", server)], 0, 0, 0, Texts()), nothing)
    after = followed.of(published([Put("a", server), Remove("a", "s1")], 0, 0, 0, Texts()), nothing)
    assert (before, after) == ({"a": {"s1": server}}, {})


def test_a_part_that_is_gone_means_that_there_is_a_newer_head() -> None:
    """And a log that began anew is read whole."""
    followed, texts, nothing = PublishedServers(), Texts(), Texts().fetch
    log: list[Operation] = [Put("a", Server("s1", "10.0.0.1", 80, 1))]
    head = published(log, 1, 1, 1, texts)
    with pytest.raises(BlobMissing):
        followed.of(head, nothing)
    assert followed.of(head, texts.fetch)
    with pytest.raises(BlobMissing):
        followed.of(replace(head, lineage="ba4"), nothing)


def test_nothing_is_read_when_nothing_changed() -> None:
    """A status that is asked for again and again costs no part."""
    texts, followed = Texts(), PublishedServers()
    head = published([Put("a", Server("s1", "10.0.0.1", 80, 1))], 1, 1, 1, texts)
    before = followed.of(head, texts.fetch)
    assert followed.of(head, texts.fetch) is before
    assert len(texts.asked) == 2


def test_only_servers_that_take_requests_are_counted() -> None:
    """One that drains goes."""
    ready, draining = Server("s1", "10.0.0.1", 80, 1), Server("s2", "10.0.0.1", 81, 2, state=State.DRAIN)
    assert counted({"a": {"s1": ready, "s2": draining}}) == {"a": 1}
