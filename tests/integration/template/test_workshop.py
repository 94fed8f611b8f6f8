"""Real processes that render, and what becomes of pools that take too long."""

import queue
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.dcos_template.publishing.clerk import Order
from api.dcos_template.publishing.problem import decode_problem
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.processes import TooSlow
from api.dcos_template.rendering.workshop import Workshop
from scheduler.pools.model import Pool, Revision
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolStore
from sdk.errors import InvalidSpec
from sdk.storage.connection import ZooKeeper
from tests.integration.template.test_published import expects_errors, logged, publishing, session
from tests.support.rendered import Rendered
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = pytest.mark.integration
__all__ = ["expects_errors", "logged", "session"]  # fixtures

WEB = pool("web", frontend("web", "app"), backend("app", service(task_name="app")))
# Renders all pools but those of one name, which it goes round in circles about, ends because of, or gives an answer for
# that is none, while the file is there. It also says something, which is no answer.
PICKY = """
import os, sys
from api.dcos_template.rendering import renderer
usual = renderer.answer
def answer(stored):
    pool = stored.pool
    print(pool.name)
    while pool.name == "circles":
        pass
    if pool.name == "end":
        os._exit(3)
    if pool.name == "odd" and os.path.exists(sys.argv[1]):
        return {"one": None}
    return usual(stored)
renderer.answer = answer
renderer.main()
"""


class Waiting:
    """A workshop whose outcomes are waited for."""

    def __init__(self, quick: float, slow: float, raw_strings: bool = True) -> None:
        self._orders: queue.Queue[Callable[[], None]] = queue.Queue()
        command = (sys.executable, "-c", PICKY, "")
        self.workshop = Workshop(self._orders.put, command=command, quick=quick, slow=slow, raw_strings=raw_strings)

    def begin(self, one: Pool, slow: bool = False, template: str = "") -> list[Any]:
        outcome: list[Any] = []
        self.workshop.render(StoredPool(one, Revision("u", 1), template=template), slow, outcome.append)
        return outcome

    def until(self, outcome: list[Any]) -> Texts | Exception:
        while not outcome:
            self._orders.get(timeout=60)()
        found: Texts | Exception = outcome[0]
        return found


@contextmanager
def working(quick: float = 60.0, slow: float = 60.0, raw_strings: bool = True) -> Iterator[Waiting]:
    made = Waiting(quick, slow, raw_strings)
    try:
        yield made
    finally:
        made.workshop.stop()


def test_texts_come_back_and_so_does_a_refusal() -> None:
    """As if they were rendered here."""
    with working() as made:
        texts = made.until(made.begin(WEB))
        assert isinstance(texts, dict)
        assert "backend app from edgelb-http" in "".join(text.text for text in texts.values())
        odd = pool("odd", backend("app", balance="x;y"))
        refusal = made.until(made.begin(odd))
        assert isinstance(refusal, InvalidSpec)
        assert refusal.path == "backend app"
        assert "'x;y' is not a balance algorithm" in str(refusal)


def test_words_of_haproxy_are_refused_where_they_are_switched_off() -> None:
    """A pool may have been stored before, or by another way than the API."""
    raw = pool("web", frontend("web", "app", misc_strs=("option httpclose",)), backend("app"))
    with working(raw_strings=False) as waiting:
        refused = waiting.until(waiting.begin(raw))
        assert isinstance(refused, InvalidSpec)
        assert refused.path == "pool.haproxy.frontends[0].miscStrs"
        assert isinstance(waiting.until(waiting.begin(WEB)), dict)


def test_a_pool_that_never_ends_is_given_up_and_stops_nobody() -> None:
    """Neither those that come after it nor those that are rendered beside it."""
    with working(quick=5.0, slow=0.5) as made:
        assert isinstance(made.until(made.begin(WEB)), dict)
        by_itself = made.begin(pool("circles"), slow=True)
        assert isinstance(made.until(made.begin(WEB)), dict)
        outcome = made.until(by_itself)
        assert isinstance(outcome, TooSlow)
        assert str(outcome) == "is not rendered within 0.5 s: split it into several pools"
        assert isinstance(made.until(made.begin(WEB, slow=True)), TooSlow | dict)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "is not rendered within"),
        ("{{ 'x' * 4000000000 }}", "needs more memory than there is for it"),
        ("{{ nothing }}", "lbtemplate line 2: cannot be printed: 'nothing' is undefined"),
    ],
)
def test_a_template_that_takes_all_there_is_costs_its_own_pool_alone(block: str, told: str) -> None:
    """Whoever may write templates cannot hold the others up."""
    template = f'{{% extends "haproxy.cfg" %}}\n{{% block global %}}{block}{{% endblock %}}\n'
    with working(quick=60.0, slow=3.0) as made:
        outcome = made.begin(pool("own"), slow=True, template=template)
        assert isinstance(made.until(made.begin(WEB)), dict)
        assert told in str(made.until(outcome))
        assert isinstance(made.until(made.begin(WEB, slow=True)), TooSlow | dict)


def test_a_pool_that_never_ends_is_told_and_its_servers_come_and_go(
    session: ZooKeeper, zk_root: str, expects_errors: None
) -> None:
    """As do those of the pool beside it, with its structure."""
    store = PoolStore(session, zk_root)
    circles, beside = Rendered(session, zk_root, "circles"), Rendered(session, zk_root, "web")

    def picky(order: Order) -> Workshop:
        return Workshop(order, command=(sys.executable, "-c", PICKY, ""), quick=0.5, slow=1.0)

    def tasks(rendered: Rendered) -> set[str]:
        return {server.task for server in rendered.servers().get("app", {}).values()}

    with publishing(session, zk_root, picky) as template:
        store.create(pool("circles", *WEB.haproxy.frontends, *WEB.haproxy.backends))
        first, second = (task(f"t{n}", name="app", agent_address=f"10.0.0.{n}") for n in (1, 2))
        template.run(first, second)
        wait_until(lambda: tasks(circles) == {"t1", "t2"}, what="the servers")
        store.create(WEB)
        wait_until(lambda: beside.structure() and tasks(beside) == {"t1", "t2"}, 30, what="the pool beside it")
        template.end(first)
        wait_until(lambda: tasks(circles) == tasks(beside) == {"t2"}, what="the removal")

        def reason() -> str:
            found = session.get(f"{circles.path}/problem")
            return decode_problem("problem", found[0]).structure if found else ""

        wait_until(lambda: "is not rendered within 1 s" in reason(), 30, what="the record of the problem")
        assert circles.structure() is None


def test_what_fails_as_nobody_expected_is_told_and_tried_again(
    session: ZooKeeper, zk_root: str, tmp_path: Path, expects_errors: None
) -> None:
    """Its servers come and go meanwhile, and no other pool is concerned."""
    store, broken = PoolStore(session, zk_root), tmp_path / "broken"
    odd, beside = Rendered(session, zk_root, "odd"), Rendered(session, zk_root, "web")
    broken.touch()

    def picky(order: Order) -> Workshop:
        return Workshop(order, command=(sys.executable, "-c", PICKY, str(broken)), quick=20.0)

    def failing() -> str:
        found = session.get(f"{odd.path}/problem")
        return decode_problem("problem", found[0]).failing if found else ""

    with publishing(session, zk_root, picky) as template:
        store.create(pool("odd", *WEB.haproxy.frontends, *WEB.haproxy.backends))
        template.run(first := task("t1", name="app"), task("t2", name="app", agent_address="10.0.0.2"))
        wait_until(lambda: len(odd.servers().get("app", ())) == 2, what="the servers")
        wait_until(failing, what="the record of the problem")
        assert failing() == (
            "the template fails to render or publish this version and tries again: AttributeError (its log says more)"
        )
        store.create(WEB)
        wait_until(lambda: beside.structure() and len(beside.servers()["app"]) == 2, what="the pool beside it")
        template.end(first)
        wait_until(lambda: len(odd.servers().get("app", ())) == len(beside.servers()["app"]) == 1, what="the removal")
        broken.unlink()
        wait_until(lambda: odd.structure() and not failing(), 60, what="the structure without any change")


def test_a_process_that_ends_is_an_error_of_that_pool_alone() -> None:
    """The next one gets another process."""
    with working() as made:
        outcome = made.until(made.begin(pool("end")))
        assert isinstance(outcome, RuntimeError)
        assert isinstance(made.until(made.begin(WEB)), dict)
