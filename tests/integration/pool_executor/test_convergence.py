"""Whatever happens ends in one state: the log folded, HAProxy's own list of servers, and the files are the same."""

import os
import random
import signal
from collections.abc import Callable

import pytest

from pool_executor.contract import BackendFacts, Part, Put, Remove, Server, State, marker_line, server_line
from pool_executor.lbmgr.servers.difference import differences, parse_state
from pool_executor.lbmgr.servers.journal import Journal
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, alive, applied, orders, server
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BACKENDS = ("app", "one", "two", "three")
OPTIONS = ({"": ""}, {"": "weight 7 check inter 60s"}, {"": "", "heavy": "weight 9"})
BALANCE = {True: "roundrobin", False: "static-rr"}
# Where checks of the tests' servers fail quietly.
PORT = free_port()


class Story:
    """Random steps of one seed, and what they shall come to."""

    def __init__(self, seed: int, publisher: Publisher) -> None:
        self._random = random.Random(seed)
        self._publisher = publisher
        self.facts: dict[str, BackendFacts] = {"app": BackendFacts(backend="app")}

    def steps(self, number: int) -> None:
        """Publish so many steps, and wait for none of them."""
        for _ in range(number):
            self._random.choices([self._operate, self._restructure, self._compact], weights=[12, 2, 1])[0]()

    def _operate(self) -> None:
        draw = self._random
        operations: list[Put | Remove] = []
        for _ in range(draw.randint(1, 4)):
            backend, name = draw.choice(BACKENDS), f"s{draw.randint(1, 6)}"
            if draw.random() < 0.3:
                operations.append(Remove(backend, name))
            else:
                operations.append(Put(backend, self._server(name)))
        self._publisher.operate(operations)
        if draw.random() < 0.2:
            self._publisher.roll()

    def _server(self, name: str) -> Server:
        draw = self._random
        return server(
            name,
            draw.choice([PORT, 9]),
            task=draw.choice(["t.1", "t.2"]),
            weight=draw.choice([None, None, 0, 5, 256]),
            state=draw.choice([State.READY, State.READY, State.DRAIN, State.MAINT]),
            options=draw.choice(["", "heavy"]),
        )

    def _restructure(self) -> None:
        draw = self._random
        self.facts = {
            name: BackendFacts(backend=name, options=draw.choice(OPTIONS), takes_servers=draw.random() < 0.8)
            for name in BACKENDS
            if name == "app" or draw.random() < 0.6
        }
        self.publish()

    def publish(self) -> None:
        """Publish the structure."""
        parts = Pool().parts()
        text = "".join(
            f"backend {name}\n    balance {BALANCE[facts.takes_servers]}\n{marker_line(facts)}\n"
            for name, facts in self.facts.items()
        )
        parts["30-backends-0a.cfg"] = Part.of("30-backends-0a.cfg", "config", text), text
        self._publisher.publish_parts(parts)

    def _compact(self) -> None:
        self._publisher.compact(lineage=self._random.choice([None, f"l{self._random.random()}"]))


def unlike(lbmgr: Lbmgr, facts: BackendFacts, servers: dict[str, Server]) -> list[object]:
    """In what HAProxy's servers of a backend are not the wanted ones."""
    with orders(lbmgr) as runtime:
        seen = parse_state(runtime.ask(f"show servers state {facts.backend}").text)
    gone = {name for name, one in seen.items() if one.admin & 1} - servers.keys()
    wanted = servers
    if not facts.takes_servers:
        # Loaded from a file, draining is a weight of 0, which such a backend does not change at run time.
        wanted = {
            name: one._replace(weight=0) if one.state is State.DRAIN and seen[name].weight == 0 else one
            for name, one in servers.items()
            if name in seen
        }
        if servers.keys() - seen.keys():
            return sorted(servers.keys() - seen.keys())
    return list(differences(facts, wanted, seen, gone))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_everything_that_happened_comes_to_one_state(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], seed: int
) -> None:
    """Also when HAProxy or lbmgr is killed in between, and when whoever reads is far behind."""
    lbmgr = make_lbmgr().start()
    story = Story(seed, publisher)
    story.publish()
    applied(publisher, publisher.operate([]))
    for number, interruption in enumerate(["none", "haproxy", "lbmgr", "behind"]):
        story.steps(12)
        match interruption:
            case "haproxy":
                master = publisher.statuses()["task-1"].haproxy.master
                assert master
                os.kill(master, signal.SIGKILL)
                wait_until(lambda pid=master: not alive(pid), what="HAProxy is gone")  # type: ignore[misc]
            case "lbmgr":
                lbmgr.kill()
            case "behind":
                lbmgr.halt()
        story.steps(6)
        match interruption:
            case "lbmgr":
                lbmgr.start()
            case "behind":
                lbmgr.signal(signal.SIGCONT)
        status = applied(publisher, publisher.operate([Put("app", server(f"mark-{number}", 9))]))
        assert status.endpoints.refused == ()
        for name, facts in story.facts.items():
            wanted = dict(publisher.servers.get(name, {}))
            wait_until(
                lambda facts=facts, wanted=wanted: unlike(lbmgr, facts, wanted) == [],  # type: ignore[misc]
                timeout=15,
                what=f"HAProxy has the servers of {name}",
            )
        wait_until(lambda: stored(lbmgr) == publisher.servers, what="the files have the servers")
        wait_until(lambda: in_file(lbmgr) == wanted_lines(story, publisher), what="haproxy.cfg has the servers")


def stored(lbmgr: Lbmgr) -> object:
    """The servers on disk."""
    found = Journal(lbmgr.sandbox / "haproxy.d/endpoints").load()
    return found.servers if found is not None else None


def in_file(lbmgr: Lbmgr) -> list[str]:
    """The lines of servers in the file for people, without lbmgr's own."""
    lines = (lbmgr.sandbox / "haproxy.cfg").read_text().splitlines()
    return [line for line in lines if line.startswith("    server ") and "serving" not in line]


def wanted_lines(story: Story, publisher: Publisher) -> list[str]:
    return [
        server_line(servers[name], facts.options)
        for backend, facts in story.facts.items()
        for servers in [publisher.servers.get(backend, {})]
        for name in sorted(servers)
    ]
