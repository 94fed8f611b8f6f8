"""Nothing that is wrong with a pool's structure stops the removal of its servers, before it is put right nor after."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from sdk.storage.connection import ZooKeeper
from tests.support.chain.chain import PATIENCE, Json, Pool
from tests.support.chain.recycling import in_use, on_disk, recycle, undisturbed
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

Stuck = Callable[[Pool, ZooKeeper], AbstractContextManager[None]]


@contextmanager
def refused_by_the_check(pool: Pool, _: ZooKeeper) -> Iterator[None]:
    """`haproxy -c` refuses it."""
    pool.update(frontends=[pool.frontend("web", bindAddress="nonexistent.invalid")])
    pool.says("nonexistent.invalid")
    yield


@contextmanager
def refused_by_the_reload(pool: Pool, _: ZooKeeper) -> Iterator[None]:
    """The agent has no such address, which only the reload finds out."""
    pool.update(frontends=[pool.frontend("web", bindAddress="192.0.2.1")])
    pool.says("192.0.2.1")
    yield


@contextmanager
def waits_for_a_port(pool: Pool, _: ZooKeeper) -> Iterator[None]:
    """The instance has no such port before the scheduler replaces it."""
    pool.update(frontends=[pool.frontend("web"), pool.frontend("second-door")])
    pool.says("second-door")
    yield


@contextmanager
def cannot_be_read(pool: Pool, connection: ZooKeeper) -> Iterator[None]:
    """Somebody wrote nonsense over the pool."""
    with _overwritten(pool, connection, b"{"):
        yield


@contextmanager
def cannot_be_rendered(pool: Pool, connection: ZooKeeper) -> Iterator[None]:
    """It was stored by somebody who takes more than HAProxy does."""
    node = connection.get(f"{pool.chain.root}/pools/{pool.name}")
    assert node is not None
    with _overwritten(pool, connection, node[0].replace(b'"127.0.0.1"', b'"127.0.0.1\\n    user root"')):
        yield


@contextmanager
def has_a_million_rules(pool: Pool, _: ZooKeeper) -> Iterator[None]:
    """Many hosts with a rule of their own, and as many rules for any host."""
    hosts = [{"hostEq": f"h{number}.example", "backend": "app"} for number in range(1100)]
    paths = [{"pathBeg": f"/p{number}", "backend": "app"} for number in range(1100)]
    links = {"defaultBackend": "app", "map": [*hosts, *paths]}
    pool.update(frontends=[pool.frontend("web", linkBackend=links)])
    yield


@contextmanager
def _overwritten(pool: Pool, connection: ZooKeeper, data: bytes) -> Iterator[None]:
    path = f"{pool.chain.root}/pools/{pool.name}"
    node = connection.get(path)
    assert node is not None
    assert node[0] != data
    log = pool.chain.template.log
    told = log.stat().st_size
    connection.set(path, data)

    def noticed() -> bool:
        with log.open() as lines:
            lines.seek(told)
            return pool.name in lines.read()

    wait_until(noticed, PATIENCE, f"what the template says of {pool.name}")
    yield
    connection.set(path, node[0])


STUCK: tuple[Stuck, ...] = (
    refused_by_the_check,
    refused_by_the_reload,
    waits_for_a_port,
    cannot_be_read,
    cannot_be_rendered,
    has_a_million_rules,
)


@pytest.mark.parametrize("stuck", STUCK, ids=[one.__name__ for one in STUCK])
def test_servers_go_while_the_structure(pool: Pool, connection: ZooKeeper, stuck: Stuck) -> None:
    """...; then it is put right, and servers go on going."""
    # Clients that keep their connections: what leaves at a reload must not send their next requests to the dead either.
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=100) as load:
        with stuck(pool, connection):
            recycle(pool, pool.tasks[0])
            recycle(pool, pool.tasks[0])
        put_right(pool)
        undisturbed(pool)
        recycle(pool, pool.tasks[0])
        in_use(pool)
    assert load.report().failed == 0, load.report()
    undisturbed(pool)


def test_servers_go_when_lbmgr_is_started_again_in_front_of_a_refused_structure(
    pool: Pool, connection: ZooKeeper
) -> None:
    """What it serves from its disk is of before; what it is told of servers since then counts."""
    with refused_by_the_check(pool, connection):
        recycle(pool, pool.tasks[0])
        on_disk(pool)
        pool.instance.kill()
        pool.instance.start()
        pool.serves(*pool.tasks)
        undisturbed(pool)
        recycle(pool, pool.tasks[0])
    put_right(pool)
    undisturbed(pool)


def test_servers_go_when_the_template_is_started_again_behind_a_refused_structure(
    pool: Pool, connection: ZooKeeper
) -> None:
    """It knows of the tasks what was published, and what ended while it was away goes."""
    with refused_by_the_check(pool, connection):
        pool.chain.template.kill()
        dead = pool.tasks[0]
        pool.chain.mesos.update(dead.id, "TASK_KILLED")
        pool.crash(dead)
        pool.chain.template.start()
        wait_until(lambda: dead.port not in pool.ports(), PATIENCE, "the end of its server")
        recycle(pool, pool.tasks[0])
    put_right(pool)
    undisturbed(pool)


def put_right(pool: Pool) -> None:
    """A structure that HAProxy takes is served."""
    service: Json = pool.document()["haproxy"]["backends"][0]
    pool.update(backends=[service, {**service, "name": "put-right"}])
    wait_until(lambda: pool.servers("put-right"), PATIENCE, "the new structure")
