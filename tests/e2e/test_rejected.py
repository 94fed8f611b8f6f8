"""Configurations that HAProxy refuses or cannot bind: reported in its words, and the old one goes on serving."""

import copy
import json
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from kazoo.client import KazooClient

from pool_executor.contract import Part, decode_blob, decode_structure, encode_blob, encode_structure
from tests.e2e.conftest import System
from tests.support.load import load_in_thread
from tests.support.still import standing_still
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

NOT_MINE = "192.0.2.1"
"""An address for documentation (RFC 5737): no interface has it, so nobody can bind it."""


@pytest.fixture
def pool(system: System) -> Iterator[dict[str, Any]]:
    """A serving pool of one instance with a port to spare; its ports are allocated ahead, so updates only reload."""
    name = f"refusing-{uuid.uuid4().hex[:6]}"
    ports = system.unused_ports(0, 3)
    document = system.pool(name, count=1, ports=ports)
    document["haproxy"]["frontends"][0]["bindPort"] = ports[0]
    document["haproxy"]["stats"]["bindPort"] = ports[2]
    system.create(document)
    yield document
    system.leave(name)


def second_frontend(document: dict[str, Any], address: str) -> dict[str, Any]:
    """The pool with one more frontend, on the port to spare."""
    changed = copy.deepcopy(document)
    first = changed["haproxy"]["frontends"][0]
    changed["haproxy"]["frontends"].append(
        first | {"name": "second", "bindAddress": address, "bindPort": document["ports"][1]}
    )
    return changed


def publish_broken(system: System, pool: str, line: str) -> int:
    """Publish the pool's present structure with one more line in its frontends, as a defective template might.

    The API and the template refuse what HAProxy is known to refuse, so it takes a hand to get there. The version.
    """
    client = KazooClient(system.stack.zookeeper)
    client.start(timeout=10)
    try:
        path = f"/edgelb/rendered/{pool}"
        data, stat = client.get(f"{path}/structure")
        head = decode_structure(data)
        old = next(part for part in head.parts.values() if part.listener == "web")
        text = decode_blob(old.blob, [client.get(f"{path}/parts/{old.sha256}")[0]]) + f"    {line}\n"
        new = Part.of(old.name, old.kind, text, old.listener, old.needs)
        for node, content in encode_blob(text):
            client.create(f"{path}/parts/{node}", content)
        broken = replace(head, version=head.version + 1, parts={**head.parts, new.name: new})
        client.set(f"{path}/structure", encode_structure(broken), version=stat.version)
        return broken.version
    finally:
        client.stop()
        client.close()


def rejected(system: System, pool: str) -> dict[str, Any]:
    """The instance's own status once it has refused a version; empty before."""
    [one] = system.instances(pool)
    return one["structure"] if one["structure"]["verdict"] == "rejected" else {}


def waiting(system: System, pool: str) -> list[str]:
    """What the listeners lack that the instance leaves out."""
    [one] = system.instances(pool)
    return [missing for listener in one["structure"]["waiting"] for missing in listener["missing"]]


def test_what_haproxy_refuses_is_told_in_its_words_and_the_old_one_serves(system: System, pool: dict[str, Any]) -> None:
    """HAProxy's message is in the instance's status, the API's and the command line's; no request fails meanwhile.

    A good update afterwards is applied as if nothing had been.
    """
    name = pool["name"]
    url = f"http://127.0.0.1:{pool['ports'][0]}/"
    [before] = system.instances(name)
    with load_in_thread(url, rps=100) as load:
        # The template removes what no head of its own names, a while after each of them.
        with standing_still(system.child("template")):
            broken = publish_broken(system, name, "frobnicate yes")
            told = wait_until(lambda: rejected(system, name), 20, "the verdict of the instance")
        assert told["rejected_version"] == broken
        assert told["version"] == before["structure"]["version"]
        assert "frobnicate" in told["error"]
        assert [one["healthy"] for one in system.instances(name)] == [True]

        status = system.status(name)
        assert status["state"] == "rejected"
        assert "frobnicate" in status["summary"]
        [row] = status["loadBalancers"]
        kept = before["structure"]["version"]
        assert (row["verdict"], row["rejectedVersion"], row["version"]) == ("rejected", broken, kept)

        shown = json.loads(system.edgelb("status", name, "--json").stdout)
        assert shown["loadBalancers"][0]["error"] == told["error"]
        text = system.edgelb("status", name).stdout
        assert f"{name} is rejected" in text
        assert "frobnicate" in text
        waiting = system.edgelb("status", name, "--wait")
        assert waiting.returncode == 7
        assert "frobnicate" in waiting.stderr

        changed = copy.deepcopy(pool)
        changed["haproxy"]["backends"][0]["balance"] = "leastconn"
        system.update(changed)
        wait_until(lambda: system.ready(name), 30, "the good update")
        wait_until(lambda: load.report().requests > 50, 30, "50 requests")
    assert load.report().failures == {}
    [after] = system.instances(name)
    structure = after["structure"]
    assert (structure["verdict"], structure["error"], structure["rejected_version"]) == ("applied", None, None)
    assert after["haproxy"]["master"] == before["haproxy"]["master"]
    assert after["task_id"] == before["task_id"]


def test_a_port_in_use_keeps_a_frontend_out_until_it_is_free(system: System, pool: dict[str, Any]) -> None:
    """A new frontend whose port somebody holds is not started beside him; when he goes it is, without being asked."""
    name, port = pool["name"], pool["ports"][1]
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        with load_in_thread(f"http://127.0.0.1:{pool['ports'][0]}/", rps=50) as load:
            system.update(second_frontend(pool, "127.0.0.1"))
            [why] = wait_until(lambda: waiting(system, name), 20, "the listener that waits")
            assert f"port {port} (" in why
            assert "already has a listener on 127.0.0.1" in why
            assert str(port) in system.edgelb("status", name).stdout
            somebody.close()
            wait_until(lambda: system.ready(name), 40, "the new frontend")
    assert load.report().failures == {}
    assert system.stack.fetch(f"http://127.0.0.1:{port}/")[0] == 200


def test_an_address_that_cannot_be_bound_is_told_and_everything_else_serves(
    system: System, pool: dict[str, Any]
) -> None:
    """HAProxy's check accepts an address that no interface has; its frontend is left out, and harms nobody."""
    name = pool["name"]
    [before] = system.instances(name)
    # A connection for each request: what is lost between two workers is lost when connecting.
    with load_in_thread(f"http://127.0.0.1:{pool['ports'][0]}/", rps=50, keep_alive=False) as load:
        arguments = ("update", "-", "--wait", "--timeout", "15")
        update = system.edgelb(*arguments, stdin=json.dumps(second_frontend(pool, NOT_MINE)))
        assert update.returncode == 6
        assert NOT_MINE in update.stderr
        [why] = wait_until(lambda: waiting(system, name), 30, "the listener that waits")
        assert NOT_MINE in why
        assert system.status(name)["state"] == "degraded"
        system.update(second_frontend(pool, "127.0.0.1"))
        wait_until(lambda: system.ready(name), 40, "the good update")
    assert load.report().failures == {}
    [after] = system.instances(name)
    assert after["task_id"] == before["task_id"]
    assert after["haproxy"]["master"] == before["haproxy"]["master"]
    assert system.stack.fetch(f"http://127.0.0.1:{pool['ports'][1]}/")[0] == 200


def test_a_new_instance_whose_port_is_in_use_says_by_whom_and_serves_when_it_is_free(system: System) -> None:
    """HAProxy is not started beside a listener on its fixed port; the task waits for the port, it does not fail."""
    name = f"waiting-{uuid.uuid4().hex[:6]}"
    [port] = system.unused_ports(1, 1)
    document = system.pool(name, count=1)
    document["haproxy"]["frontends"][0]["bindPort"] = port
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        system.stack.call("POST", f"{system.stack.api}/v2/pools", document)
        sentence = f"port {port} (web), which already has a listener on 127.0.0.1"
        wait_until(lambda: sentence in system.edgelb("status", name).stdout, 40, "the reason in the status")
        [task] = system.task_ids(name)
    wait_until(lambda: system.ready(name), 40, "the pool on the port that is free now")
    assert system.stack.fetch(f"http://127.0.0.1:{port}/")[0] == 200
    assert system.task_ids(name) == {task}
    system.leave(name)


def test_a_first_configuration_that_cannot_be_served_is_told_as_well(system: System) -> None:
    """An instance that cannot listen where it shall says so, and is not ready."""
    name = f"never-{uuid.uuid4().hex[:6]}"
    document = system.pool(name, count=1)
    document["haproxy"]["frontends"][0]["bindAddress"] = NOT_MINE
    system.stack.call("POST", f"{system.stack.api}/v2/pools", document)
    wait_until(lambda: NOT_MINE in json.dumps(system.status(name)["loadBalancers"]), 40, "the reason in the status")
    [line] = [one for one in system.edgelb("status", name).stdout.splitlines() if one.startswith("edgelb-pool-0:")]
    assert "leaves the listener web" in line
    assert f"out until it has {NOT_MINE}:" in line
    assert not system.ready(name)
    document["haproxy"]["frontends"][0]["bindAddress"] = "127.0.0.1"
    system.update(document)
    wait_until(lambda: system.ready(name), 60, "the good update")
    system.leave(name)
