"""Ports at which nothing listens, and what tasks are told of them."""

from dataclasses import replace
from typing import Any

from api.status.closed_ports import closed_ports, with_closed_ports
from pool_executor.contract import Waiting
from tests.unit.api.dcos_template.pools import frontend, pool
from tests.unit.api.test_metadata import INSTANCE

POOL = pool("auto-web", frontend("a", bind_port=22), frontend("b", bind_port=80))


def lacking(*listeners: str) -> Any:
    """An instance whose listeners wait for their ports."""
    waiting = tuple(Waiting(listener=one, missing=(f"the port {one}",)) for one in listeners)
    return replace(INSTANCE, structure=replace(INSTANCE.structure, waiting=waiting))


def test_a_port_is_closed_when_it_is_at_all_instances() -> None:
    """One that listens is enough, and nobody knows what is where there is none."""
    assert closed_ports(POOL, [lacking("a"), lacking("a", "b")]) == {22: "the port a"}
    assert closed_ports(POOL, [lacking("a"), lacking()]) == {}
    assert closed_ports(POOL, []) == {}


def test_only_tasks_that_are_reached_nowhere_else_are_told() -> None:
    """Others can be reached, or have other troubles."""
    statuses = {
        "f": {
            "closed": {"status": "OK", "message": "is in the pool", "uris": ["http://a.b:22/"]},
            "open": {"status": "OK", "message": "is in the pool", "uris": ["http://a.b:22/", "http://a.b/"]},
            "none": {"status": "OK", "message": "is in the pool", "uris": []},
            "lost": {"status": "RENDER_ERR", "message": "no", "uris": ["http://a.b:22/"]},
        }
    }
    told = with_closed_ports(statuses, {22: "the port a"})
    assert told["f"]["closed"]["message"] == "is in the pool; nothing listens at port 22 yet: it lacks the port a"
    assert {name: told["f"][name] for name in ("open", "none", "lost")} == {
        name: statuses["f"][name] for name in ("open", "none", "lost")
    }


def test_a_port_that_agents_do_not_offer_is_told_by_its_number() -> None:
    """Its name in Mesos says nothing to who wrote the label."""
    waiting = (Waiting(listener="a", missing=("the port port-22", "the file $SECRETS/a.pem")),)
    instance = lacking("a")
    instance = replace(instance, structure=replace(instance.structure, waiting=waiting))
    assert closed_ports(POOL, [instance]) == {22: "an agent that offers port 22, the file $SECRETS/a.pem"}
