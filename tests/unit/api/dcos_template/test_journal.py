"""The log of a pool's servers: whoever folds it, from wherever it can be begun, has the servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.publishing.journal import INLINE, KEEP, Compaction, Journal, weight
from pool_executor.contract import (
    Blob,
    Endpoints,
    Operation,
    Put,
    Remove,
    Server,
    apply,
    decode_endpoints,
    decode_segment,
    decode_shard,
    decode_shards,
    encode_endpoints,
    encode_shard,
    encode_shards,
)

Servers = dict[str, dict[str, Server]]


class Parts(dict[str, str]):
    """What is stored, by sha256."""

    def put(self, text: str) -> Blob:
        blob = Blob.of(text)
        self[blob.sha256] = text
        return blob


def server(number: int, port: int = 80) -> Server:
    return Server(f"s{number}", "10.0.0.1", port, number + 1, f"t{number}")


def write(journal: Journal, parts: Parts, now: float = 0.0) -> Endpoints:
    made = journal.write(3, {}, now)
    if made.segment is not None:
        parts.put(made.segment)
    assert made.data == encode_endpoints(made.head)
    return decode_endpoints(made.data)


def compact(journal: Journal, parts: Parts, compaction: Compaction) -> None:
    for number, backends in compaction.shards.items():
        servers = journal.copy_of(backends)
        compaction.blobs[number] = parts.put(encode_shard(servers)) if servers else None
    shards = journal.shards_with(compaction)
    journal.finish_compaction(compaction, parts.put(encode_shards(shards)) if shards else None)


def operations_after(head: Endpoints, parts: Parts, number: int) -> list[Operation]:
    """Those that come after the one of that number."""
    assert head.since <= number <= head.sequence
    every: list[Operation] = []
    for segment in head.segments:
        every += decode_segment(segment, parts[segment.blob.sha256])
    every += head.operations
    return every[number - head.since :]


def base_of(head: Endpoints, parts: Parts) -> Servers:
    servers: Servers = {}
    if head.shards is not None:
        for blob in decode_shards(parts[head.shards.sha256]).values():
            servers.update(decode_shard(parts[blob.sha256]))
    return servers


def folded(head: Endpoints, parts: Parts) -> Servers:
    servers = base_of(head, parts)
    apply(servers, operations_after(head, parts, head.base))
    return servers


PUTS = st.builds(
    lambda backend, number, port: Put(backend, server(number, port)),
    st.sampled_from("abcde"),
    st.integers(0, 8),
    st.integers(1, 3),
)
STEPS = st.lists(
    st.lists(PUTS | st.tuples(st.sampled_from("abcde"), st.integers(0, 8)), max_size=6)
    | st.sampled_from(["start", "finish", "abandon", "resume", "quiet", "many"]),
    max_size=40,
)


@pytest.mark.slow
@given(STEPS)
def test_whatever_happens_every_reader_comes_to_the_same_servers(
    steps: list[list[Put | tuple[str, int]] | str],
) -> None:
    """One that begins anew with each head, and one that reads only what is new to it."""
    journal, parts, now = Journal("web", "one"), Parts(), 0.0
    compaction: Compaction | None = None
    follower, known = Servers(), 0
    many = 100
    for step in steps:
        match step:
            case "start" if compaction is None:
                compaction = journal.start_compaction()
            case "finish" if compaction is not None:
                compact(journal, parts, compaction)
                compaction = None
            case "abandon" if compaction is not None:
                journal.abandon_compaction(compaction)
                compaction = None
            case "quiet":
                now += KEEP + 1
            case "many":  # more than a head takes
                size = 0
                while size <= INLINE:
                    many += 1
                    operation = Put("many", server(many))
                    journal.change(operation)
                    size += weight(operation)
            case "resume":
                head = write(journal, parts, now)
                behind = operations_after(head, parts, head.base)
                shards = decode_shards(parts[head.shards.sha256]) if head.shards else {}
                servers = folded(head, parts)
                journal, compaction = Journal.resume(head, servers, shards, behind, now), None
            case list():
                for one in step:
                    if isinstance(one, Put):
                        journal.change(one)
                    elif journal.server(one[0], f"s{one[1]}") is not None:
                        journal.change(Remove(one[0], f"s{one[1]}"))
        assert journal.complete
        head = write(journal, parts, now)
        assert folded(head, parts) == journal.servers
        if not head.since <= known:  # too far behind: it begins anew, as every reader may
            follower, known = base_of(head, parts), head.base
        apply(follower, operations_after(head, parts, known))
        known = head.sequence
        assert follower == journal.servers
        assert all(journal.numbers(name) == {one.id for one in ones.values()} for name, ones in journal.servers.items())


@pytest.mark.slow
def test_a_head_stays_small() -> None:
    """What has no room in it stands in a segment."""
    journal, parts = Journal("web", "one"), Parts()
    for number in range(1_000):
        journal.change(Put("app", server(number)))
        head = write(journal, parts)
        assert len(encode_endpoints(head)) < 2 * INLINE
    assert head.segments
    assert folded(head, parts) == journal.servers


def test_segments_that_nobody_needs_go() -> None:
    """Those that the base includes, once readers have had the time to catch up."""
    journal, parts = Journal("web", "one"), Parts()
    for number in range(300):
        journal.change(Put("app", server(number)))
    write(journal, parts, 0.0)
    assert journal.behind
    compact(journal, parts, journal.start_compaction())
    assert journal.unsaved
    head = write(journal, parts, 1.0)
    assert not journal.behind
    assert (head.base, head.since) == (300, 0)
    journal.change(Remove("app", "s1"))
    head = write(journal, parts, KEEP + 1)
    assert (head.segments, head.since, head.sequence) == ((), 300, 301)
    assert folded(head, parts) == journal.servers


def test_parts_of_the_head_before_are_still_named() -> None:
    """A reader may be fetching them."""
    journal, parts = Journal("web", "one"), Parts()
    journal.change(Put("app", server(1)))
    compact(journal, parts, journal.start_compaction())
    first = write(journal, parts)
    assert first.shards is not None
    journal.change(Put("app", server(2)))
    compact(journal, parts, journal.start_compaction())
    second = write(journal, parts)
    assert second.shards is not None
    assert {first.shards.sha256, second.shards.sha256} <= journal.names()
    write(journal, parts)
    assert first.shards.sha256 not in journal.names()


def test_a_segment_is_not_made_of_a_part_that_is_being_removed() -> None:
    """It would be gone a moment later."""
    journal = Journal("web", "one")
    for number in range(300):
        journal.change(Put("app", server(number)))
    wanted = Journal("web", "one")
    for number in range(300):
        wanted.change(Put("app", server(number)))
    (segment,) = wanted.write(1, {}, 0.0).head.segments
    written = journal.write(1, {}, 0.0, {segment.blob.sha256})
    (other,), operations = written.head.segments, written.head.operations
    assert (other.first, other.last, operations) == (1, 299, (Put("app", server(299)),))
    assert (other.blob != segment.blob, written.head.sequence) == (True, 300)


def test_the_first_servers_of_a_large_pool_are_its_base() -> None:
    """Nobody is told of them one by one, and there is no head before they are stored."""
    journal, parts = Journal("web", "one"), Parts()
    journal.begin_with(Put("app", server(number)) for number in range(3_000))
    assert not journal.complete
    compact(journal, parts, journal.start_compaction())
    assert journal.complete
    head = write(journal, parts)
    assert (head.base, head.sequence, head.operations, head.segments) == (3_000, 3_000, (), ())
    assert folded(head, parts) == journal.servers
