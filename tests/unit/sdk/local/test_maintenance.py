"""Maintenance: schedules, inverse offers, machines going down and up."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.core import Answer, Master
from sdk.local.core.endpoints import Endpoints
from sdk.local.core.http import Reply, Request
from sdk.local.core.leadership import Leadership
from tests.unit.sdk.local.model import World, launch, task

Json = dict[str, Any]
A1 = {"hostname": "a1", "ip": "127.0.0.1"}
A2 = {"hostname": "a2", "ip": "127.0.0.1"}


def window(*machines: Json, start: int = 100, duration: int | None = 3600) -> Json:
    """A window of maintenance; times in seconds."""
    unavailability: Json = {"start": {"nanoseconds": start * 10**9}}
    if duration is not None:
        unavailability["duration"] = {"nanoseconds": duration * 10**9}
    return {"machine_ids": list(machines), "unavailability": unavailability}


def schedule(world: World, *windows: Json) -> Answer:
    """UPDATE_MAINTENANCE_SCHEDULE."""
    return world.operator("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": list(windows)}})


def down(world: World, *machines: Json) -> Answer:
    """START_MAINTENANCE."""
    return world.operator("START_MAINTENANCE", {"machines": list(machines)})


def up(world: World, *machines: Json) -> Answer:
    """STOP_MAINTENANCE."""
    return world.operator("STOP_MAINTENANCE", {"machines": list(machines)})


def status(world: World) -> Json:
    """GET_MAINTENANCE_STATUS."""
    body = world.operator("GET_MAINTENANCE_STATUS").body
    assert body is not None
    found: Json = body["get_maintenance_status"]["status"]
    return found


def asked(world: World, stream: str = "s") -> list[Json]:
    """The inverse offers so far."""
    return [item for event in world.of(stream, "INVERSE_OFFERS") for item in event["inverse_offers"]["inverse_offers"]]


def running() -> World:
    """A framework with a task on a1 and an offer of a2."""
    world = World()
    world.agent("a1", port=5051)
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=4.0, mem=1024.0)))
    world.report("a1", "t1", "TASK_RUNNING")
    world.agent("a2", port=5052)
    return world


# --- schedules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([window()], "List of machines in the maintenance window is empty"),
        ([window(A1), window(A1)], "appears more than once in the schedule"),
        ([window(A1, {"hostname": "A1", "ip": "127.0.0.1"})], "appears more than once in the schedule"),
        ([window({})], "Both 'hostname' and 'ip' for a machine are empty"),
        ([window({"ip": "1.2.3"})], "Failed to parse the IP '1.2.3'"),
        ([window(A1, duration=-1)], "Unavailability 'duration' is negative"),
    ],
)
def test_wrong_schedules_change_nothing(windows: list[Json], words: str) -> None:
    """400 with the reason; the schedule stays what it was."""
    world = World()
    assert schedule(world, window(A2)).status == 200
    answer = schedule(world, *windows)
    assert (answer.status, words in answer.text) == (400, True)
    assert world.master.state.maintenance.windows == [window(A2)]


def test_a_window_has_a_start() -> None:
    """The unavailability and its start are required."""
    world = World()
    answer = schedule(world, {"machine_ids": [A1]})
    assert answer.status == 400
    assert "unavailability" in answer.text
    assert schedule(world, window(A1) | {"unavailability": {}}).status == 400


def test_offers_of_scheduled_agents_say_when() -> None:
    """Offers are rescinded and made again with the unavailability; other agents are left alone."""
    world = running()
    before = world.offers("s")
    assert "unavailability" not in before[0]
    schedule(world, window(A2))
    assert world.of("s", "RESCIND") == [{"type": "RESCIND", "rescind": {"offer_id": before[0]["id"]}}]
    assert [offer["unavailability"] for offer in world.offers("s")] == [window(A2)["unavailability"]]
    schedule(world)
    # What is held stays; the next ones say nothing.
    assert len(world.of("s", "RESCIND")) == 1


def test_machines_need_host_name_and_address() -> None:
    """A machine without its address matches no agent; the host name is compared without case."""
    world = running()
    schedule(world, window({"hostname": "a1"}))
    assert not asked(world)
    schedule(world, window({"hostname": "A1", "ip": "127.0.0.1"}))
    assert len(asked(world)) == 1


# --- inverse offers ------------------------------------------------------------------------------------------------


def test_who_uses_a_scheduled_agent_is_asked() -> None:
    """INVERSE_OFFERS to those with tasks or offers there, once until they answer."""
    world = running()
    world.subscribe("idle", "nothing")
    schedule(world, window(A1))
    assert asked(world) == [
        {
            "id": {"value": "M-O2"},
            "url": {"scheme": "http", "address": {"hostname": "a1", "ip": "127.0.0.1", "port": 5051},
                    "path": "/slave(1)"},
            "framework_id": {"value": "M-0000"},
            "agent_id": {"value": "M-S0"},
            "unavailability": window(A1)["unavailability"],
        }
    ]  # fmt: skip
    world.at(10.0)
    assert len(asked(world)) == 1
    assert not asked(world, "idle")


def test_answers_are_shown_and_asked_for_again() -> None:
    """ACCEPT and DECLINE stand in the status with their time; after the refusal the question comes again."""
    world = running()
    schedule(world, window(A1))
    world.at(1.0)
    content = {"inverse_offer_ids": [asked(world)[0]["id"]], "filters": {"refuse_seconds": 3.0}}
    assert world.call("s", "DECLINE_INVERSE_OFFERS", content).status == 202
    said = {"status": "DECLINE", "framework_id": {"value": "M-0000"}, "timestamp": {"nanoseconds": 10**9}}
    assert status(world) == {"draining_machines": [{"id": A1, "statuses": [said]}]}
    # The same answer again is to an inverse offer that is none any more.
    world.call("s", "ACCEPT_INVERSE_OFFERS", content)
    assert status(world)["draining_machines"][0]["statuses"] == [said]
    world.at(4.0)
    assert len(asked(world)) == 1
    world.at(5.0)
    assert len(asked(world)) == 2
    world.call("s", "ACCEPT_INVERSE_OFFERS", {"inverse_offer_ids": [asked(world)[1]["id"]]})
    assert status(world)["draining_machines"][0]["statuses"][0]["status"] == "ACCEPT"


def test_nobody_answers_for_another_framework() -> None:
    """Inverse offers of others and unknown ones are passed over."""
    world = running()
    world.subscribe("s2", "other")
    schedule(world, window(A1))
    ids = [asked(world)[0]["id"], {"value": "nosuch"}]
    answer = world.call("s2", "ACCEPT_INVERSE_OFFERS", {"inverse_offer_ids": ids}, framework_id="M-0001")
    assert answer.status == 202
    assert status(world) == {"draining_machines": [{"id": A1}]}


def test_a_changed_schedule_takes_questions_back() -> None:
    """RESCIND_INVERSE_OFFER, then the question with the new times; an empty schedule ends it."""
    world = running()
    schedule(world, window(A1))
    first = asked(world)[0]
    schedule(world, window(A1, start=500))
    rescinded = {"inverse_offer_id": first["id"]}
    assert world.of("s", "RESCIND_INVERSE_OFFER") == [
        {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": rescinded}
    ]
    assert asked(world)[1]["unavailability"]["start"] == {"nanoseconds": 500 * 10**9}
    schedule(world)
    assert len(world.of("s", "RESCIND_INVERSE_OFFER")) == 2
    assert status(world) == {}
    world.at(5.0)
    assert len(asked(world)) == 2


def test_a_scheduler_that_comes_back_is_asked_again() -> None:
    """After a failover the old question is forgotten without a word."""
    world = running()
    schedule(world, window(A1))
    world.subscribe("s-again", framework_id="M-0000")
    assert len(asked(world, "s-again")) == 1
    assert not world.of("s-again", "RESCIND_INVERSE_OFFER")
    assert len(world.master.state.maintenance.inverse_offers) == 1


def test_a_lost_agent_needs_no_answer() -> None:
    """An agent without a connection takes its questions back."""
    world = running()
    schedule(world, window(A1))
    world.take(world.master.agent_disconnected("a1", now=world.now))
    assert len(world.of("s", "RESCIND_INVERSE_OFFER")) == 1
    assert not world.master.state.maintenance.inverse_offers


# --- down and up ---------------------------------------------------------------------------------------------------


def test_only_scheduled_machines_go_down_and_only_those_come_up() -> None:
    """400 for a machine in another mode, for none and for the same twice."""
    world = running()
    assert "is not part of a maintenance schedule" in down(world, A1).text
    schedule(world, window(A1, A2))
    assert "is not in DOWN mode and cannot be brought up" in up(world, A1).text
    assert "List of machines is empty" in down(world).text
    assert "appears more than once" in down(world, A1, A1).text
    assert not world.heard("a1", "SHUTDOWN")
    assert down(world, A1).status == 200
    assert "is not in DRAINING mode and cannot be brought down" in down(world, A1).text


def test_the_tasks_of_a_machine_that_goes_down_are_lost() -> None:
    """The agent is told to stop and removed: TASK_LOST, RESCIND, FAILURE; it may not register until the machine is
    up.
    """
    world = running()
    schedule(world, window(A1))
    down(world, A1)
    assert [item["text"] for item in world.heard("a1", "SHUTDOWN")] == ["Operator initiated 'Machine DOWN'"]
    update = world.updates("s")[-1]
    assert (update["state"], update["reason"]) == ("TASK_LOST", "REASON_AGENT_REMOVED")
    assert [event["failure"]["agent_id"] for event in world.of("s", "FAILURE")] == [{"value": "M-S0"}]
    assert status(world) == {"down_machines": [A1]}
    info = {"hostname": "a1", "ip": "127.0.0.1", "port": 5051, "resources": []}
    for kind, more in (("REGISTER", {}), ("REREGISTER", {"id": {"value": "M-S0"}})):
        world.say(f"new-{kind}", {"type": kind, "agent_info": info | more})
        assert [item["text"] for item in world.heard(f"new-{kind}", "SHUTDOWN")] == ["Machine is `DOWN`"]
    assert up(world, A1).status == 200
    assert status(world) == {}
    world.agent("a1", port=5051)
    assert all("unavailability" not in offer for offer in world.offers("s"))


def test_a_schedule_keeps_machines_that_are_down() -> None:
    """Leaving one out is refused; changing its times is not, and up takes it out of its window."""
    world = running()
    schedule(world, window(A1, A2))
    down(world, A1)
    answer = schedule(world, window(A2))
    assert answer.status == 400
    assert "is deactivated and cannot be removed from the schedule" in answer.text
    assert schedule(world, window(A1, A2, start=7)).status == 200
    assert status(world)["down_machines"] == [A1]
    up(world, A1)
    assert world.master.state.maintenance.windows == [window(A2, start=7)]


def test_maintenance_outlives_the_master() -> None:
    """Schedule and modes are in the registry; answers are asked for again."""
    world = running()
    schedule(world, window(A1), window(A2, start=7))
    down(world, A2)
    again = World()
    again.master = Master(again.config, now=0.0, registry=json.loads(json.dumps(world.master.registry())))
    assert again.master.state.maintenance.windows == world.master.state.maintenance.windows
    assert status(again) == {"draining_machines": [{"id": A1}], "down_machines": [A2]}


Step = tuple[str, tuple[int, ...]]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["schedule", "down", "up", "register", "cycle", "accept", "decline"]),
            st.tuples(st.integers(0, 2), st.integers(0, 2)),
        ),
        max_size=25,
    )
)
def test_any_order_of_steps_keeps_the_books(steps: list[Step]) -> None:
    """Machines, windows, questions and agents agree whatever operators, frameworks and agents do in which order."""
    world = World()
    world.subscribe("s")
    machines = [{"hostname": f"a{index}", "ip": "127.0.0.1"} for index in range(3)]
    for what, (one, two) in steps:
        state = world.master.state.maintenance
        match what:
            case "schedule":
                schedule(world, *[window(machines[index]) for index in sorted({one, two})])
            case "down":
                down(world, machines[one])
            case "up":
                up(world, machines[one])
            case "register":
                info = {"hostname": f"a{one}", "ip": "127.0.0.1", "port": 5050 + one}
                info |= {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]}
                world.say(f"c{one}-{len(world.messages)}", {"type": "REGISTER", "agent_info": info})
            case "cycle":
                world.at(world.now + 1.0)
            case _:
                ids = [{"value": name} for name in state.inverse_offers]
                content = {"inverse_offer_ids": ids, "filters": {"refuse_seconds": float(one)}}
                world.call("s", f"{what.upper()}_INVERSE_OFFERS", content)
        state = world.master.state.maintenance
        named = [machine["hostname"] for item in state.windows for machine in item["machine_ids"]]
        assert sorted(named) == sorted(key[0] for key in state.machines)
        for agent in world.master.state.agents.values():
            assert not state.is_down(agent.machine)
            for offer in agent.offers.values():
                if agent.machine in state.machines:
                    assert "unavailability" in offer.message
        outstanding = {offer.offer_id for item in state.draining.values() for offer in item.outstanding.values()}
        assert outstanding == set(state.inverse_offers)
        assert set(state.draining) <= set(world.master.state.agents)


# --- the classic endpoints -----------------------------------------------------------------------------------------


def request(world: World, method: str, path: str, body: object = None, **query: str) -> Reply:
    """One HTTP request."""
    endpoints = Endpoints(world.master, leadership=lambda: Leadership(leader="127.0.0.1:5050", mine=True))
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    found = endpoints.handle(
        Request(method=method, path=path, query=tuple(query.items()), body=raw), now=world.now, new_stream="x"
    )
    world.take(found.outputs)
    return found


def test_the_classic_endpoints_do_the_same() -> None:
    """/maintenance/schedule, /maintenance/status, /machine/down and /machine/up, with jsonp."""
    world = running()
    wanted = {"windows": [window(A1)]}
    assert request(world, "POST", "/maintenance/schedule", wanted).status == 200
    assert json.loads(request(world, "GET", "/master/maintenance/schedule").body) == wanted
    assert request(world, "GET", "/maintenance/status", jsonp="f").body == (
        b'f({"draining_machines":[{"id":{"hostname":"a1","ip":"127.0.0.1"}}]})'
    )
    assert request(world, "POST", "/machine/down", [A1]).status == 200
    assert json.loads(request(world, "GET", "/maintenance/status").body) == {"down_machines": [A1]}
    assert request(world, "POST", "/machine/up", [A1]).status == 200
    assert request(world, "GET", "/maintenance/schedule").body == b"{}"


def test_quota_and_weights_over_the_classic_endpoints() -> None:
    """POST and DELETE of /quota, PUT of /weights."""
    world = running()
    guarantee = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]
    assert request(world, "POST", "/quota", {"role": "r", "guarantee": guarantee}).status == 200
    assert json.loads(request(world, "GET", "/quota").body)["infos"] == [{"role": "r", "guarantee": guarantee}]
    refused = request(world, "DELETE", "/master/quota")
    assert (refused.status, b"expected 3 tokens, found 2" in refused.body) == (400, True)
    assert request(world, "DELETE", "/master/quota/r").status == 200
    assert request(world, "DELETE", "/master/quota/r").status == 400
    assert request(world, "PUT", "/weights", [{"role": "r", "weight": 2.0}]).status == 200
    assert json.loads(request(world, "GET", "/weights").body) == [{"weight": 2.0, "role": "r"}]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("PUT", "/maintenance/schedule", {}, 405),
        ("POST", "/maintenance/status", {}, 405),
        ("GET", "/machine/up", None, 405),
        ("POST", "/weights", [], 405),
        ("PATCH", "/quota", {}, 405),
        ("POST", "/maintenance/schedule", b"{", 400),
        ("POST", "/maintenance/schedule", [], 400),
        ("POST", "/maintenance/schedule", {"windows": 3}, 400),
        ("POST", "/machine/down", {}, 400),
        ("POST", "/machine/down", [3], 400),
        ("PUT", "/weights", [{"role": "r"}], 400),
        ("PUT", "/weights", {"role": "r"}, 400),
        ("POST", "/quota", b"\xff", 400),
        ("POST", "/quota", {"role": 3}, 400),
    ],
)
def test_nonsense_is_refused(method: str, path: str, body: object, expected: int) -> None:
    """Wrong methods and bodies get 405 and 400 with a reason."""
    reply = request(World(), method, path, body)
    assert reply.status == expected
    assert reply.body
