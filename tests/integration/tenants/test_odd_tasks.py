"""Tasks of somebody who means harm, through the whole chain: all that he gets are servers of pools that select him.

One pool selects every task in all ways; the other one, the victim, must not notice. `haproxy -c` takes every
configuration that comes of it.
"""

import re
import signal
from collections.abc import Iterator

import pytest

from pool_executor.lbmgr.servers.journal import Journal
from sdk.local import processes
from sdk.net.address import Reach, parse, reach
from tests.support.chain.chain import PATIENCE, Chain, Json, Pool
from tests.support.odd_tasks import FRAMEWORK, odd_tasks
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

_SERVER = re.compile(r"(?P<kind>agentip|containerip)_(?P<host>[0-9a-f.:_]+)_(?P<port>[0-9]{1,5})")
_SELECTED: dict[str, tuple[Json, Json]] = {
    "first": ({"mesos": {"taskNamePattern": "(?s)."}}, {}),
    "agent": ({"mesos": {"taskIDPattern": "(?s)."}}, {"type": "AGENT_IP"}),
    "agent-all": ({"mesos": {"taskIDPattern": "^[^0]"}}, {"type": "AGENT_IP", "allPorts": True}),
    "container": ({"mesos": {"frameworkNamePattern": "(?s)."}}, {"type": "CONTAINER_IP"}),
    "container-all": ({"mesos": {"frameworkIDPattern": "."}}, {"type": "CONTAINER_IP", "allPorts": True}),
    "auto-all": ({"mesos": {"frameworkID": FRAMEWORK}}, {"allPorts": True}),
    "named": ({"mesos": {"frameworkID": FRAMEWORK}}, {"portName": "app"}),
    "marathon": ({"marathon": {"serviceIDPattern": "(?s)."}, "mesos": {"frameworkID": FRAMEWORK}}, {}),
    "trusting": ({"mesos": {"frameworkID": FRAMEWORK}}, {"allPorts": True, "trustAnnounced": True}),
}
"""Selectors and endpoints by backend."""


def backends(pool_json: Json, *more: str) -> list[Json]:
    """The own backend, one for each way to select, and copies of the first by these names."""
    own = pool_json["haproxy"]["backends"]
    # Not checked: HAProxy would knock at whatever address they tell.
    selecting = [
        {
            "name": name,
            "protocol": "HTTP",
            "services": [{**selector, "endpoint": {**endpoint, "check": {"enabled": False}}}],
        }
        for name, (selector, endpoint) in _SELECTED.items()
    ]
    return [*own, *selecting, *({**own[0], "name": name} for name in more)]


@pytest.fixture(scope="module")
def victim(chain: Chain) -> Iterator[Pool]:
    """Whom nothing of it concerns."""
    with chain.pool("victim", tasks=3) as pool:
        yield pool


@pytest.fixture(scope="module")
def everything(chain: Chain, victim: Pool) -> Iterator[Pool]:
    """A pool that selects all tasks."""
    chain.mesos.frameworks[FRAMEWORK] = m.framework_json(FRAMEWORK, "evil\n    server x 192.0.2.1:80")
    chain.mesos.say(m.framework_added(chain.mesos.frameworks[FRAMEWORK]))
    with chain.pool("everything", tasks=1) as pool:
        pool.update(backends=backends(pool.document()))
        yield pool


def said(chain: Chain, everything: Pool, events: list[m.Json]) -> None:
    """All of the events have been said, and one that comes after them is served."""
    for event in events:
        chain.mesos.say(event)
    everything.start()
    # What came before it has been taken before it; its own backend only has the pool's own tasks.
    everything.serves(*everything.tasks)
    wait_until(lambda: {task.port for task in everything.tasks} <= everything.ports("agent"), PATIENCE, "its server")


def served(everything: Pool) -> dict[str, set[str]]:
    """The names of HAProxy's servers."""
    return {name: set(everything.servers(name)) for name in _SELECTED}


def settled(everything: Pool) -> dict[str, set[str]]:
    """HAProxy has what lbmgr has stored, which is all: a backend's servers come and go in their own time."""
    journal = Journal(everything.sandbox / "haproxy.d/endpoints")

    def found() -> dict[str, set[str]]:
        stored = journal.load()
        assert stored is not None
        # They were started last, and the log has one order.
        assert {task.port for task in everything.tasks} <= {one.port for one in stored.servers["agent"].values()}
        names = {name: set(stored.servers.get(name, ())) for name in _SELECTED}
        others = {name: sorted(has ^ names[name]) for name, has in served(everything).items()}
        assert not any(others.values()), f"either HAProxy or the disk has {others}"
        return names

    return wait_until(found, PATIENCE, "all servers and no others")


def innocent(everything: Pool) -> None:
    """HAProxy has the backends of the pool and no others, and servers that are where a task may be."""
    rows = everything.rows()
    names = {row["pxname"] for row in rows}
    # lbmgr's own begin with a line.
    assert {name for name in names if not name.startswith(("_", "again-"))} == {*_SELECTED, "app", "web", "stats"}
    for row in rows:
        if row["pxname"] in _SELECTED and row["type"] == "2":
            found = _SERVER.fullmatch(row["svname"])
            assert found, row["svname"]
            address = parse(found["host"].replace("_", ":"))
            assert address is not None, row["svname"]
            own = found["host"] == "127.0.0.1"
            assert own or row["pxname"] == "trusting" or reach(address) is Reach.HOST, row["svname"]


def test_nothing_of_what_tasks_say_reaches_another_pool(chain: Chain, victim: Pool, everything: Pool) -> None:
    """Nor HAProxy's configuration, nor does it stop what comes after it."""
    before = victim.servers()
    tasks = odd_tasks(300)
    for at in range(0, len(tasks), 60):
        batch = tasks[at : at + 60]
        events = [m.task_added(one) for one in batch]
        events += [{"type": "TASK_UPDATED", "task_updated": {"status": one, "state": one}} for one in batch[::7]]
        try:
            said(chain, everything, events)
            innocent(everything)
            assert victim.servers().keys() == before.keys()
            victim.serves(*victim.tasks)
            # A structural change: HAProxy's check sees all these servers.
            name = f"again-{at}"
            everything.update(backends=backends(everything.document(), name))
            wait_until(lambda name=name: everything.servers(name), PATIENCE, f"the backend {name}")
        except AssertionError as error:
            raise AssertionError(f"with one of these tasks: {batch}") from error
        chain.mesos.say(m.framework_removed(FRAMEWORK))
        chain.mesos.say(m.framework_added(chain.mesos.frameworks[FRAMEWORK]))
        own = {task.port for task in (*everything.tasks, *victim.tasks)}
        wait_until(lambda own=own: everything.ports("agent") <= own, PATIENCE, "the end of the servers")
    assert victim.servers().keys() == before.keys()


def test_what_is_left_out_is_named(chain: Chain, victim: Pool, everything: Pool) -> None:
    """Each with its reason, while it is there; HAProxy starts from what is on the disk then."""
    odd = {
        "loopback": container("127.0.0.1"),
        "nowhere": container("0.0.0.0"),
        "metadata": container("169.254.169.254"),
        "many": container("224.0.0.1"),
        "zone": container("fe80::1%x\n    server evil 192.0.2.1:80"),
        "taken": ports(22),
        "greedy": ports(*range(1024, 3024), allocated=(1024, 65535)),
    }
    said(
        chain,
        everything,
        [m.task_added({**task, "task_id": {"value": name}, "name": name}) for name, task in odd.items()],
    )

    def named() -> bool:
        reasons = {one["task"]: one["reason"] for one in everything.status()["leftOut"]}
        missing = odd.keys() - reasons.keys()
        assert not missing, f"{sorted(missing)} are not named in {reasons}"
        return all(reasons.values())

    wait_until(named, PATIENCE, "the names of the odd tasks", every=0.1)
    innocent(everything)
    assert len(everything.servers("agent-all")) > 100
    servers = settled(everything)
    # Workers end with their master, perhaps before it is their turn.
    processes.send(everything.haproxy(), signal.SIGKILL)
    wait_until(lambda: served(everything) == servers, PATIENCE, "the same servers")
    victim.serves(*victim.tasks)
    chain.mesos.say(m.framework_removed(FRAMEWORK))


def test_a_task_of_many_megabytes_stops_nobody(chain: Chain, victim: Pool) -> None:
    """However long its labels, its name and what it announces are."""
    labels = {"labels": [{"key": "edgelb", "value": "x" * 34_000_000}]}
    task = m.running("huge", framework=FRAMEWORK, labels=labels)
    task["name"] = "y" * 1_000_000
    chain.mesos.add(task)
    fresh = victim.start()
    victim.serves(*victim.tasks)
    # It is in the snapshot of whoever subscribes, too.
    chain.mesos.fail_over()
    victim.end(fresh)
    wait_until(lambda: fresh.port not in victim.ports(), PATIENCE, "the end of a server")
    victim.start()
    victim.serves(*victim.tasks)
    chain.mesos.update("huge", "TASK_KILLED")


def container(address: str) -> m.Json:
    """A running task that tells this address of its container's network."""
    task = ports(80)
    task["statuses"] = [m.status_json("TASK_RUNNING", ips=(address,))]
    task["statuses"][0]["container_status"]["network_infos"][0]["name"] = "calico"
    return task


def ports(*numbers: int, allocated: tuple[int, int] = (31000, 31000)) -> m.Json:
    """A running task that announces these ports, and has others."""
    announced = [{"number": number, "name": f"p{number}", "protocol": "tcp"} for number in numbers]
    task = m.running("odd", framework=FRAMEWORK, discovery={"name": "odd", "ports": {"ports": announced}})
    task["resources"].append(m.ports_json(*allocated))
    return task
