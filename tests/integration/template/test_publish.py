"""Bundles in a real ZooKeeper: order of writes, fencing, what is removed."""

from collections.abc import Iterator

import pytest

from api.dcos_template.publish import Publisher
from api.dcos_template.text import Text, Texts
from pool_executor.bundle import Head, decode_head, decode_part, encode_head, encode_part
from scheduler.pools.model import Revision
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import BadVersion, Op, ZooKeeper, connect
from sdk.storage.election import Leadership
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


@pytest.fixture
def session(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    made = connect(zookeeper.address)
    assert made.wait_connected(10)
    yield made
    made.close()


@pytest.fixture
def leadership(session: ZooKeeper, zk_root: str) -> Iterator[Leadership]:
    made = lead(session, zk_root)
    yield made
    made.stop()


def lead(session: ZooKeeper, zk_root: str) -> Leadership:
    gained: list[int] = []
    made = Leadership(session, f"{zk_root}/locks/template", {"id": "test", "url": "", "pid": 1})
    made.start(gained.append, lambda: None)
    wait_until(lambda: gained, what="leadership")
    return made


def bundle(*backends: str, padding: str = "") -> Texts:
    """A small bundle: a part that never changes and one per backend."""
    texts = [Text.of("10-global.cfg", "config", "global\n")]
    texts += [Text.of(f"30-backends-{n:02x}.cfg", "config", f"backend {b}\n{padding}") for n, b in enumerate(backends)]
    return {text.part.name: text for text in texts}


def stored(session: ZooKeeper, zk_root: str, pool: str = "web") -> Head:
    found = session.get(f"{zk_root}/rendered/{pool}")
    assert found is not None
    return decode_head(found[0])


def texts_of(session: ZooKeeper, zk_root: str, head: Head) -> dict[str, str]:
    """What a reader fetches."""
    base = f"{zk_root}/rendered/{head.pool}/parts"
    found = {}
    for part in head.parts.values():
        whole = session.get(f"{base}/{part.sha256}")
        chunks = (
            [whole[0]]
            if whole
            else [piece[0] for n in range(99) if (piece := session.get(f"{base}/{part.sha256}.{n}")) is not None]
        )
        found[part.name] = decode_part(part, chunks)
    return found


def nodes(session: ZooKeeper, zk_root: str, pool: str = "web") -> set[str]:
    return set(session.children(f"{zk_root}/rendered/{pool}/parts"))


def publish(publisher: Publisher, texts: Texts, pool_version: int = 1, uid: str = "u") -> Head:
    return publisher.publish("web", texts, {"PORT_WEB": "web"}, Revision(uid, pool_version), 1).head


def test_a_reader_finds_every_part_that_the_head_names(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """Also a part that is too large for one node."""
    publisher = Publisher(session, leadership, zk_root)
    # Random enough that zlib cannot make it small.
    padding = "\n".join(f"    # {hash((n, 'x')) & (1 << 60):x} {n * 2654435761 % (1 << 61):x}" for n in range(60_000))
    texts = bundle("a", padding=padding)
    head = publish(publisher, texts)
    assert len(nodes(session, zk_root)) > 2
    assert texts_of(session, zk_root, stored(session, zk_root)) == {name: text.text for name, text in texts.items()}
    assert (head.version, head.epoch, head.ports) == (1, leadership.epoch, {"PORT_WEB": "web"})


def test_versions_count_up_and_equal_content_writes_nothing(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """Readers wake up only when there is something new."""
    publisher = Publisher(session, leadership, zk_root)
    assert [publish(publisher, bundle(name)).version for name in ("a", "b", "b", "a")] == [1, 2, 2, 3]
    outcome = publisher.publish("web", bundle("a"), {"PORT_WEB": "web"}, Revision("u", 1), 99)
    assert not outcome.written
    assert publish(publisher, bundle("a"), pool_version=2).version == 4
    # The same version of a pool that was deleted and created again.
    again = publish(publisher, bundle("a"), pool_version=2, uid="v")
    assert (again.version, again.pool_uid) == (5, "v")


def test_only_changed_parts_are_written(session: ZooKeeper, zk_root: str, leadership: Leadership) -> None:
    """One changed file of many is one node."""
    publisher = Publisher(session, leadership, zk_root)
    publish(publisher, bundle("a", "b", "c"))
    outcome = publisher.publish("web", bundle("a", "x", "c"), {"PORT_WEB": "web"}, Revision("u", 1), 2)
    assert outcome.parts_written == 1


def test_parts_that_the_last_two_heads_do_not_name_are_removed(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """A reader that is still fetching for the head before finds its parts."""
    publisher = Publisher(session, leadership, zk_root)
    for name in ("a", "b", "c"):
        publish(publisher, bundle(name))
    assert len(nodes(session, zk_root)) == 4
    assert publisher.collect("web") == 1
    kept = {text.part.sha256 for name in ("b", "c") for text in bundle(name).values()}
    assert nodes(session, zk_root) == kept
    assert publisher.collect("web") == 0


def test_a_process_that_lost_the_lock_cannot_publish_remove_or_collect(
    zookeeper: ZooKeeperServer, session: ZooKeeper, zk_root: str
) -> None:
    """Not even when it has not noticed yet: the epoch in its multi is an old one."""
    first = lead(session, zk_root)
    publisher = Publisher(session, first, zk_root)
    for name in ("a", "b", "c"):
        publish(publisher, bundle(name))

    class Deposed:
        """The fence of a process that sleeps through its loss."""

        epoch = first.epoch

        def write(self, ops: list[Op]) -> list[int | str | None]:
            return write(ops)

    check = first.check()
    first.stop()
    second_session = connect(zookeeper.address)
    assert second_session.wait_connected(10)
    second = lead(second_session, zk_root)

    def write(ops: list[Op]) -> list[int | str | None]:
        try:
            return session.multi([check, *ops])[1:]
        except BadVersion as error:
            raise LeadershipLost(str(error)) from error

    publisher._fence = Deposed()  # type: ignore[assignment] # the old process, as it was
    before = (stored(session, zk_root), nodes(session, zk_root))
    for attempt in (
        lambda: publish(publisher, bundle("late")),
        lambda: publisher.collect("web"),
        lambda: publisher.remove("web"),
    ):
        with pytest.raises(LeadershipLost):
            attempt()
    assert stored(session, zk_root) == before[0]
    assert nodes(session, zk_root) >= before[1]
    successor = Publisher(second_session, second, zk_root)
    head = publish(successor, bundle("d"))
    assert (head.version, head.epoch) == (4, second.epoch)
    assert head.order > before[0].order
    # What the deposed one wrote in vain is found and removed.
    successor.collect("web")
    assert nodes(session, zk_root) == {text.part.sha256 for n in ("c", "d") for text in bundle(n).values()}
    second.stop()
    second_session.close()


def test_a_crash_between_parts_and_head_leaves_the_old_bundle_whole(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """The next process publishes over it and removes what no head names."""

    class Crash(Exception):
        pass

    class CrashingFence:
        def __init__(self) -> None:
            self.epoch = leadership.epoch

        def write(self, ops: object) -> list[int | str | None]:
            raise Crash

    publish(Publisher(session, leadership, zk_root), bundle("a"))
    with pytest.raises(Crash):
        publish(Publisher(session, CrashingFence(), zk_root), bundle("b"))
    head = stored(session, zk_root)
    assert texts_of(session, zk_root, head) == {name: text.text for name, text in bundle("a").items()}
    assert {text.part.sha256 for text in bundle("b").values()} <= nodes(session, zk_root)

    again = Publisher(session, leadership, zk_root)
    assert publish(again, bundle("c")).version == 2
    again.collect("web")
    assert nodes(session, zk_root) == {text.part.sha256 for n in ("a", "c") for text in bundle(n).values()}


def test_a_part_that_somebody_removed_is_written_again(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """The next process in charge looks whether everything that the head names is there, though the content is equal."""
    head = publish(Publisher(session, leadership, zk_root), bundle("a"))
    session.delete(f"{zk_root}/rendered/web/parts/{head.parts['10-global.cfg'].sha256}")
    again = publish(Publisher(session, leadership, zk_root), bundle("a"))
    assert again.version == 2
    assert texts_of(session, zk_root, again) == {name: text.text for name, text in bundle("a").items()}


def test_what_somebody_else_put_below_a_bundle_is_removed_with_it(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """A foreign node must hold up neither the removal nor, for ever, the process."""
    publisher = Publisher(session, leadership, zk_root)
    publish(publisher, bundle("a"))
    for path in ("notes/deep", "parts/odd/below"):
        session.ensure(f"{zk_root}/rendered/web/{path}")
    publisher.remove("web")
    assert not session.exists(f"{zk_root}/rendered/web")


def test_more_files_than_a_head_can_name_are_refused(session: ZooKeeper, zk_root: str, leadership: Leadership) -> None:
    """The refusal comes before the first of thousands of nodes is written."""
    texts = {f"m{n}.map": Text.of(f"m{n}.map", "map", f"{n} a\n") for n in range(6_000)}
    with pytest.raises(InvalidSpec, match=r"6000 files.*split it into several pools"):
        publish(Publisher(session, leadership, zk_root), texts)
    assert nodes(session, zk_root) == set()


def test_a_crash_before_the_first_head_leaves_an_empty_node(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """Parts stand below the head, so its node comes first; empty means that nothing is published yet."""
    publisher = Publisher(session, leadership, zk_root)
    session.ensure(f"{zk_root}/rendered/web/parts")
    assert session.get(f"{zk_root}/rendered/web") == (b"", 0)
    assert publish(publisher, bundle("a")).version == 1


def test_a_part_that_was_half_written_is_completed(session: ZooKeeper, zk_root: str, leadership: Leadership) -> None:
    """The first chunk is written last, so a part without it is not whole."""
    padding = "\n".join(f"    # {n * 2654435761 % (1 << 61):x} {n * 40503 % 65521:x}" for n in range(90_000))
    texts = bundle("a", padding=padding)
    large = encode_part(texts["30-backends-00.cfg"].text)
    assert len(large) > 1
    session.ensure(f"{zk_root}/rendered/web/parts")
    session.create(f"{zk_root}/rendered/web/parts/{large[0][0]}", large[0][1])
    publish(Publisher(session, leadership, zk_root), texts)
    assert (
        texts_of(session, zk_root, stored(session, zk_root))["30-backends-00.cfg"] == texts["30-backends-00.cfg"].text
    )


def test_a_head_written_by_hand_is_noticed_and_replaced(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """The version check of the head fails once, then what stands there is read again."""
    publisher = Publisher(session, leadership, zk_root)
    head = publish(publisher, bundle("a"))
    session.set(f"{zk_root}/rendered/web", encode_head(head))
    with pytest.raises(BadVersion):
        publish(publisher, bundle("b"))
    assert publish(publisher, bundle("b")).version == 2


def test_garbage_in_the_head_is_replaced(session: ZooKeeper, zk_root: str, leadership: Leadership) -> None:
    """Nobody can read it, so nothing is lost."""
    session.ensure(f"{zk_root}/rendered/web/parts")
    session.set(f"{zk_root}/rendered/web", b"\xff{")
    publish(Publisher(session, leadership, zk_root), bundle("a"))
    assert stored(session, zk_root).version == 1


def test_a_removed_pool_leaves_nothing_and_counts_on_when_it_returns(
    session: ZooKeeper, zk_root: str, leadership: Leadership
) -> None:
    """An instance that outlives the moment must not take new heads for old ones."""
    publisher = Publisher(session, leadership, zk_root)
    for name in ("a", "b"):
        publish(publisher, bundle(name))
    publisher.remove("web")
    assert not session.exists(f"{zk_root}/rendered/web")
    publisher.remove("web")
    assert publish(publisher, bundle("c")).version == 3


def test_while_zookeeper_is_away_nothing_is_believed(tmp_path_factory: pytest.TempPathFactory, zk_root: str) -> None:
    """The error is a temporary one, and afterwards everything is read again."""
    server = ZooKeeperServer(tmp_path_factory.mktemp("own-zookeeper"), free_port())
    server.start()
    session = connect(server.address)
    assert session.wait_connected(10)
    leadership = lead(session, zk_root)
    publisher = Publisher(session, leadership, zk_root)
    publish(publisher, bundle("a"))
    server.stop()
    wait_until(lambda: session.state.value != "connected", what="the loss of ZooKeeper")
    with pytest.raises((StorageUnavailable, LeadershipLost)):
        publish(publisher, bundle("b"))
    publisher.forget()
    server.start()
    assert session.wait_connected(30)
    wait_until(lambda: leadership.role.value == "leader", timeout=30, what="leadership again")
    assert publish(publisher, bundle("b")).version == 2
    leadership.stop()
    session.close()
    server.stop()
