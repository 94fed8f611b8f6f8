"""Where a real HAProxy sends requests while rules change at run time: at every moment by the old rules or the new."""

import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render
from pool_executor.lbmgr.haproxy.orders import Run
from pool_executor.lbmgr.structure.mapfile import edit, entries
from scheduler.pools.model import MapRule
from tests.integration.template.test_routing import BACKENDS, MORE_HOSTS, MORE_PATHS, drawn
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.routing import reference
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

Rules = Sequence[MapRule]
EDITS = 40
REQUESTS = [*itertools.product(MORE_HOSTS, MORE_PATHS)]


def texts(rules: Rules) -> Texts:
    shape = pool("shop", frontend("web", "", *rules), *map(backend, BACKENDS))
    return render(build_config(shape))


def versions(draw: random.Random) -> Iterator[Rules]:
    """Rules that come, go and lead elsewhere, beside patterns; only those that need no reload."""
    rules, others = drawn(draw), [rule for rule in drawn(draw) + drawn(draw) if not rule.is_tried]
    base = {name: text.part.sha256 for name, text in texts(rules).items() if text.part.kind == "config"}
    yield rules
    while True:
        changed = list(rules)
        at = draw.randrange(len(changed))
        if draw.random() < 0.4 and not changed[at].is_tried:
            changed[at] = replace(changed[at], backend=draw.choice(BACKENDS))
        elif draw.random() < 0.5 and not changed[at].is_tried:
            del changed[at]
        else:
            changed.insert(at, draw.choice(others))
        rendered = texts(changed)
        if changed != rules and len(changed) < 25 and all(rendered[name].part.sha256 == base[name] for name in base):
            rules = changed
            yield rules


def orders(before: Texts, after: Texts) -> Iterator[str]:
    """As lbmgr gives them, one by one."""
    edits = [
        edit(name, entries(before[name].text), entries(after[name].text))
        for name in sorted(before)
        if before[name].part.kind == "map"
    ]
    for stage in ("first", "then", "last"):
        for order in itertools.chain.from_iterable(getattr(one, stage) for one in edits):
            assert isinstance(order, Run)
            yield order.line


@dataclass(slots=True)
class Asking:
    """A client that asks all the time, and what was not answered by any of the rules that were there meanwhile."""

    haproxy: Haproxy
    known: list[Rules]
    """The last one may be on its way."""
    asked: int = 0
    wrong: list[object] = field(default_factory=list)
    _left: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for host, path in itertools.cycle(REQUESTS):
            if self._left.is_set():
                return
            first = max(0, len(self.known) - 2)
            status, body = self.haproxy.get("web", path, host)
            found = body if status == 200 else None
            wanted = {reference(rules, host, path) for rules in self.known[first:]}
            if found not in wanted or status not in (200, 503):
                self.wrong.append((host, path, status, body, wanted))
            self.asked += 1

    def leave(self) -> None:
        self._left.set()


@pytest.mark.parametrize("program", BOTH)
def test_at_every_moment_a_request_goes_where_the_old_rules_or_the_new_ones_say(program: str, tmp_path: Path) -> None:
    """Edits of maps beside rules with patterns and `*`, and clients that ask meanwhile; afterwards all is as new."""
    rules = versions(random.Random(4))
    known = [next(rules)]
    shape = pool("shop", frontend("web", "", *known[0]), *map(backend, BACKENDS))
    made = Haproxy(tmp_path, shape, binary=program)
    clients = [Asking(made, known) for _ in range(2)]
    threads = [threading.Thread(target=client.run) for client in clients]
    try:
        for thread in threads:
            thread.start()
        for wanted in itertools.islice(rules, EDITS):
            before = texts(known[-1])
            known.append(wanted)
            for order in orders(before, texts(wanted)):
                assert made.command(order.format(maps=tmp_path / "maps")).strip() == ""
            asked = [client.asked for client in clients]
            # A request that began before the edit is over.
            wait_until(
                lambda asked=asked: all(c.asked > a + 1 for c, a in zip(clients, asked, strict=True)), what="requests"
            )
        for client, thread in zip(clients, threads, strict=True):
            client.leave()
            thread.join(30)
        assert [client.wrong for client in clients] == [[], []]
        for host, path in REQUESTS:
            wanted_backend = reference(known[-1], host, path)
            status, body = made.get("web", path, host)
            assert (body if status == 200 else None) == wanted_backend
    finally:
        for client in clients:
            client.leave()
        made.stop()
