"""The books of a master: whatever happens in whatever order, every resource is free, offered or used, and each once."""

import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sdk.local.core import Agent, AgentConfig, Destroy, Launch, Master, ToMaster
from sdk.local.core.capacity import Capacity
from sdk.local.core.model import Framework
from sdk.local.core.resources import Resources
from sdk.local.fault_values import AgentFaults
from sdk.local.flags import resources
from tests.unit.sdk.local.counting import everybody_is_charged, everything_is_somewhere
from tests.unit.sdk.local.model import Json, World, amounts, framework_info, launch, task, uuid

TOTAL = "cpus(*):4;cpus(a/b):2;mem:1024;disk:512;ports:[31000-31003]"
ROLES = ("a", "a/b", "c")
CAPABILITIES = st.sampled_from(((), ("PARTITION_AWARE",)))
AGENTS = st.integers(0, 2)
STREAMS = st.integers(0, 7)
STEPS = st.sampled_from(
    ("t", "z", "y", "r", "rx", "ry", "rc", "rcx", "rcg", "rcd", "c", "d", "x", "g", "s", "u", "rrr", "tzy", "a")
)
"""Operations of one ACCEPT, a letter each: see `_operation`."""


class Place:
    """An agent whose messages wait until they are delivered, and are lost with their connection."""

    def __init__(self, world: World, name: str, port: int) -> None:
        self.world, self.name, self.port = world, name, port
        self.number = itertools.count()
        self.faults = AgentFaults()
        self.connection = ""
        self.running: list[str] = []
        self.up: deque[Json] = deque()
        self.seen = 0
        self.fresh()

    def fresh(self) -> None:
        """The process starts without anything."""
        info = {"hostname": self.name, "ip": "127.0.0.1", "port": self.port, "resources": resources(TOTAL)}
        containers = (f"{self.name}-c{number}" for number in self.number)
        config = AgentConfig(info=info, new_uuid=uuid, new_container_id=lambda: next(containers))
        self.agent = Agent(config, now=self.world.now)

    @property
    def down(self) -> list[Json]:
        """What the master said on this connection and was not heard yet."""
        return self.world.messages.get(self.connection, [])[self.seen :]

    def connect(self) -> None:
        """A new connection, which may replace one of which the master does not know yet that it ended."""
        self.agent.master_disconnected()
        self.up.clear()
        self.connection, self.seen = f"{self.name}-{next(self.number)}", 0
        self.world.say(self.connection, self.agent.registration())

    def cut(self) -> None:
        """The connection ends, and what is under way is lost."""
        self.agent.master_disconnected()
        self.up.clear()
        self.world.take(self.world.master.agent_disconnected(self.connection, now=self.world.now))
        self.connection = ""

    def hear(self) -> None:
        """The oldest message of the master arrives."""
        message = self.faults.from_master(self.down[0])
        self.seen += 1
        if message is not None:
            self.do(self.agent.master_message(message, now=self.world.now))

    def say(self) -> None:
        """The oldest message to the master arrives."""
        message = self.up.popleft()
        if self.connection not in self.world.closed:
            self.world.say(self.connection, message)

    def do(self, outputs: Any) -> None:
        """Carry out what the agent wants; executors start at once and say nothing."""
        for output in outputs:
            match output:
                case ToMaster(message=message) if self.connection:
                    self.up.append(message)
                case Launch(container_id=name):
                    self.running.append(name)
                case Destroy(container_id=name) if name in self.running:
                    self.end(name)

    def end(self, container_id: str) -> None:
        """An executor ends, and all its tasks with it."""
        self.running.remove(container_id)
        self.do(self.agent.exited(container_id, 0, now=self.world.now))


class Books(RuleBasedStateMachine):
    """Frameworks, agents, operators and the network do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(agent_ping_timeout=5.0, max_agent_ping_timeouts=2, max_completed_frameworks=2)
        self.places = [Place(self.world, f"a{number}", 5051 + number) for number in range(3)]
        self.streams: dict[str, str] = {}
        self.names = itertools.count()

    @initialize()
    def begin(self) -> None:
        for place in self.places:
            place.connect()
        self.deliver()
        self.subscribe({"a", "c"}, 60.0, ())

    # --- frameworks -----------------------------------------------------------------------------------------------

    def _framework(self, stream: str) -> Framework | None:
        found = self.world.master.state.frameworks.get(self.streams.get(stream, ""))
        return found if found is not None and found.stream == stream else None

    def _any(self, number: int) -> tuple[str, Framework] | None:
        live = [(stream, item) for stream in self.streams if (item := self._framework(stream)) is not None]
        return live[number % len(live)] if live else None

    @rule(roles=st.sets(st.sampled_from(ROLES), min_size=1), timeout=st.sampled_from((0.0, 60.0)), aware=CAPABILITIES)
    def subscribe(self, roles: set[str], timeout: float, aware: tuple[str, ...]) -> None:
        if len(self.world.master.state.frameworks) >= 3:
            return
        stream = f"s{next(self.names)}"
        capabilities = ("MULTI_ROLE", "RESERVATION_REFINEMENT", *aware)
        self.world.subscribe(stream, *sorted(roles), failover_timeout=timeout, capabilities=capabilities)
        content = self.world.of(stream, "SUBSCRIBED")[0]["subscribed"]
        self.streams[stream] = content["framework_id"]["value"]

    @rule(number=STREAMS, roles=st.sets(st.sampled_from(ROLES), min_size=1))
    def come_back(self, number: int, roles: set[str]) -> None:
        names = sorted(self.world.master.state.frameworks)
        if not names:
            return
        framework_id, stream = names[number % len(names)], f"s{next(self.names)}"
        capabilities = ("MULTI_ROLE", "RESERVATION_REFINEMENT")
        self.world.subscribe(stream, *sorted(roles), framework_id=framework_id, capabilities=capabilities)
        self.streams[stream] = framework_id

    @rule(number=STREAMS)
    def scheduler_goes(self, number: int) -> None:
        if (found := self._any(number)) is not None:
            self.world.take(self.world.master.scheduler_disconnected(found[0], now=self.world.now))

    def _call(self, number: int, kind: str, make: Callable[[Framework], Json | None]) -> None:
        if (found := self._any(number)) is None:
            return
        stream, framework = found
        answer = self.world.call(stream, kind, make(framework), framework_id=framework.framework_id)
        assert answer.status < 300, answer.text

    @rule(number=STREAMS)
    def tear_down(self, number: int) -> None:
        self._call(number, "TEARDOWN", lambda _: None)

    @rule(number=STREAMS)
    def revive(self, number: int) -> None:
        self._call(number, "REVIVE", lambda _: {})

    @rule(number=STREAMS, roles=st.sets(st.sampled_from(ROLES), min_size=1))
    def change_roles(self, number: int, roles: set[str]) -> None:
        def content(framework: Framework) -> Json:
            info = framework_info(*sorted(roles)) | {"id": {"value": framework.framework_id}}
            return {"framework_info": info | {"capabilities": framework.info["capabilities"]}}

        self._call(number, "UPDATE_FRAMEWORK", content)

    @rule(number=STREAMS, refuse=st.sampled_from((0.0, 5.0)))
    def decline(self, number: int, refuse: float) -> None:
        def content(framework: Framework) -> Json:
            offers = [{"value": name} for name in itertools.islice(framework.offers, 1)]
            return {"offer_ids": offers, "filters": {"refuse_seconds": refuse}}

        self._call(number, "DECLINE", content)

    @rule(number=STREAMS)
    def kill(self, number: int) -> None:
        if (found := self._any(number)) is not None and found[1].tasks:
            task_id = next(iter(found[1].tasks))
            self._call(number, "KILL", lambda _: {"task_id": {"value": task_id}})

    @rule(number=STREAMS)
    def acknowledge(self, number: int) -> None:
        if (found := self._any(number)) is None:
            return
        for item in [item for item in found[1].tasks.values() if item.sent_uuid is not None]:
            content = {"task_id": {"value": item.task_id}, "agent_id": {"value": item.agent_id}}
            self._call(number, "ACKNOWLEDGE", lambda _, content=content, item=item: content | {"uuid": item.sent_uuid})

    @rule(number=STREAMS, pick=STREAMS, does=STEPS)
    def accept(self, number: int, pick: int, does: str) -> None:
        self._accept(number, pick, does)

    @rule(number=STREAMS, pick=STREAMS, does=STEPS)
    def accept_and_deliver(self, number: int, pick: int, does: str) -> None:
        self._accept(number, pick, does)
        self.deliver()

    def _with_offers(self, number: int) -> tuple[str, Framework] | None:
        """A framework that has offers: left to chance there would be one in few runs, and nothing in the books."""
        if self._any(number) is None:
            self.subscribe({"a", "c"}, 60.0, ())
        found = self._any(number)
        if found is not None and not found[1].offers:
            for place in self.places:
                if not place.connection:
                    place.connect()
            self.deliver()
            if not self.world.master.state.connections:
                self.start_anew()
                self.places[2].connect()
                self.deliver()
            self.revive(number)
            found = self._any(number)
        return found if found is not None and found[1].offers else None

    def _accept(self, number: int, pick: int, does: str) -> None:
        found = self._with_offers(number)
        if found is None:
            return
        offers = list(found[1].offers.values())
        offer = offers[pick % len(offers)]
        wanted = [made for what in does if (made := self._operation(what, offer.message, offer.role)) is not None]
        content = {"offer_ids": [{"value": offer.offer_id}], "operations": wanted, "filters": {"refuse_seconds": 0.0}}
        self._call(number, "ACCEPT", lambda _: content)

    def _operation(self, what: str, offer: Json, role: str) -> Json | None:
        """One operation; many are refused, as they stand on what the offer does not have."""
        name = f"t{next(self.names)}"
        ident = {"id": {"value": name}} if next(self.names) % 2 else {}
        entry = {"type": "DYNAMIC", "role": role, "principal": "p"}
        reserved = {"reservations": [entry], "allocation_info": {"role": role}}
        cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}} | reserved
        disk = {"name": "disk", "type": "SCALAR", "scalar": {"value": 64.0}} | reserved
        volume = disk | {"disk": {"persistence": {"id": "v"}, "volume": {"container_path": "v", "mode": "RW"}}}
        larger = volume | {"scalar": {"value": 128.0}}
        unreserved = [item for item in offer["resources"] if not item.get("reservations")]
        needed = {"cpus", "mem", "disk"}
        plain = offer | {"resources": unreserved} if {item["name"] for item in unreserved} >= needed else offer
        whole = {item["name"] for item in offer["resources"]} >= needed
        match what:
            case "r":
                return {"type": "RESERVE", "reserve": {"resources": [cpus, disk]}} | ident
            case "u":
                return {"type": "UNRESERVE", "unreserve": {"resources": [cpus, disk]}} | ident
            case "c":
                return {"type": "CREATE", "create": {"volumes": [volume]}} | ident
            case "d":
                return {"type": "DESTROY", "destroy": {"volumes": [volume]}} | ident
            case "g":
                return {"type": "GROW_VOLUME", "grow_volume": {"volume": volume, "addition": disk}} | ident
            case "s":
                shrink = {"volume": larger, "subtract": {"value": 64.0}}
                return {"type": "SHRINK_VOLUME", "shrink_volume": shrink} | ident
            case "t":
                return launch(task(plain, name)) if whole else None
            case "a":
                # The id of one that an agent has; a new master learns of that when the agent comes back.
                used = [task_id for place in self.places for _, task_id in place.agent.state.tasks]
                return launch(task(plain, used[0])) if whole and used else None
            case "x":
                # On what was reserved just before, with a volume if there is one.
                return launch(task(offer, name) | {"resources": [cpus]}) if whole else None
            case "y":
                command = {"value": "true"}
                executor = {"executor_id": {"value": f"e{name}"}, "command": command, "resources": [cpus]}
                run = launch(task(plain, name, cpus=0.5, executor=executor)) if whole else None
                return run
            case _:
                own = amounts(plain, cpus=0.1, mem=32.0, disk=1.0) if whole else []
                executor = {"executor_id": {"value": f"e{name}"}, "type": "DEFAULT", "resources": own}
                tasks = [task(plain, f"{name}-{number}", cpus=0.5) for number in range(2)] if whole else []
                group = {"executor": executor, "task_group": {"tasks": tasks}}
                return {"type": "LAUNCH_GROUP", "launch_group": group} if whole else None

    # --- agents ---------------------------------------------------------------------------------------------------

    @rule(number=AGENTS)
    def connect(self, number: int) -> None:
        self.places[number].connect()

    @rule()
    def deliver(self) -> None:
        """Everything that is under way arrives."""
        for place in self.places:
            while place.connection and (place.down or place.up):
                if place.down:
                    place.hear()
                else:
                    place.say()

    @rule(number=AGENTS)
    def cut(self, number: int) -> None:
        if self.places[number].connection:
            self.places[number].cut()

    @rule(number=AGENTS, count=st.integers(1, 5))
    def hear(self, number: int, count: int) -> None:
        place = self.places[number]
        while count and place.connection and place.down:
            place.hear()
            count -= 1

    @rule(number=AGENTS, count=st.integers(1, 5))
    def say(self, number: int, count: int) -> None:
        place = self.places[number]
        while count and place.connection and place.up:
            place.say()
            count -= 1

    @rule(number=AGENTS)
    def executor_ends(self, number: int) -> None:
        if self.places[number].running:
            self.places[number].end(self.places[number].running[0])

    @rule(number=AGENTS)
    def fail_operations(self, number: int) -> None:
        self.places[number].faults.fail_operations = 1

    @rule(number=AGENTS)
    def lose_launches(self, number: int) -> None:
        self.places[number].faults.lose_launches = 1

    @rule()
    def start_anew(self) -> None:
        place = self.places[2]
        if place.connection:
            place.cut()
        place.running.clear()
        place.fresh()

    # --- masters --------------------------------------------------------------------------------------------------

    @rule()
    def another_master(self) -> None:
        """It starts from the registry: frameworks and tasks are learned from agents, and from whom comes back."""
        for place in self.places:
            place.agent.master_disconnected()
            place.up.clear()
            place.connection = ""
        registry = json.loads(json.dumps(self.world.master.registry()))
        config = replace(self.world.config, master_id=f"M{next(self.names)}")
        self.world.master = Master(config, now=self.world.now, registry=registry)

    # --- operators ------------------------------------------------------------------------------------------------

    @rule(
        number=AGENTS, kind=st.sampled_from(("MARK_AGENT_GONE", "DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT"))
    )
    def about_agent(self, number: int, kind: str) -> None:
        known = [*self.world.master.state.agents, *self.world.master.state.unreachable_agents]
        if known:
            self.world.operator(kind, {"agent_id": {"value": known[number % len(known)]}})

    @rule(number=AGENTS, kind=st.sampled_from(("RESERVE_RESOURCES", "UNRESERVE_RESOURCES")))
    def reserve(self, number: int, kind: str) -> None:
        known = [*self.world.master.state.agents]
        if known:
            entry = {"type": "DYNAMIC", "role": "a"}
            cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "reservations": [entry]}
            self.world.operator(kind, {"agent_id": {"value": known[number % len(known)]}, "resources": [cpus]})

    @rule(up=st.booleans())
    def maintain(self, up: bool) -> None:
        machine = {"hostname": "a0", "ip": "127.0.0.1"}
        window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 0}}}
        if not up:
            self.world.operator("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": [window]}})
        self.world.operator("STOP_MAINTENANCE" if up else "START_MAINTENANCE", {"machines": [machine]})

    @rule(role=st.sampled_from(("a", "c")), cpus=st.integers(0, 4))
    def limit(self, role: str, cpus: int) -> None:
        amount = {"cpus": {"value": float(cpus)}}
        config = {"role": role, "guarantees": amount, "limits": amount} if cpus else {"role": role}
        self.world.operator("UPDATE_QUOTA", {"quota_configs": [config], "force": True})

    @rule(seconds=st.sampled_from((1.0, 6.0, 11.0, 61.0)))
    def wait(self, seconds: float) -> None:
        self.world.at(self.world.now + seconds)
        for place in self.places:
            place.do(place.agent.tick(now=self.world.now))

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def every_resource_is_somewhere(self) -> None:
        everything_is_somewhere(self.world.master.state)

    @invariant()
    def offers_are_of_active_agents(self) -> None:
        state = self.world.master.state
        for offer in state.offers.values():
            agent = state.agents[offer.agent_id]
            assert agent.connection is not None
            assert not agent.deactivated
            assert agent.agent_id not in state.gone_agents
            assert state.frameworks[offer.framework_id].connected

    @invariant()
    def everybody_has_the_same_books(self) -> None:
        state = self.world.master.state
        for holders in (state.frameworks, state.agents):
            held = {name: offer for item in holders.values() for name, offer in item.offers.items()}
            assert held == state.offers
        capacity = Capacity()
        for agent in state.agents.values():
            capacity.change(Resources(), agent.total)
        assert {name: amount for name, amount in state.capacity.total.items() if amount} == capacity.total
        reserved = {role: {n: v for n, v in held.items() if v} for role, held in state.capacity.reserved.items()}
        assert reserved == capacity.reserved
        everybody_is_charged(state)

    @invariant()
    def drains_end(self) -> None:
        state = self.world.master.state
        busy = {item.agent_id for framework in state.frameworks.values() for item in framework.tasks.values()}
        for agent in state.agents.values():
            if agent.drain is not None:
                assert agent.drained or agent.agent_id in busy or agent.executors or agent.operations

    @invariant()
    def nobody_is_forgotten(self) -> None:
        state = self.world.master.state
        connections = {agent.connection: name for name, agent in state.agents.items() if agent.connection is not None}
        assert state.connections == connections
        assert not set(state.gone_agents) & {*state.agents, *state.unreachable_agents}
        known = {*state.agents, *state.unreachable_agents, *state.recovered_agents}
        assert state.deactivated.keys() | state.reactivated <= known
        for agent in state.agents.values():
            for operation in agent.operations.values():
                if operation.framework_id in state.frameworks:
                    assert operation.uuid in state.frameworks[operation.framework_id].operations
        for framework in state.frameworks.values():
            assert framework.allocations.keys() <= set(framework.roles)
            assert all(item.agent_id in state.agents for item in framework.operations.values())
            assert all(item.agent_id in state.agents for item in framework.tasks.values())
        for refusal in state.filters:
            assert refusal.agent_id in state.agents
            assert refusal.framework_id in state.frameworks

    def teardown(self) -> None:
        """When everything that waits has arrived, master and agents agree."""
        state = self.world.master.state
        self.deliver()
        for place in self.places:
            known = state.agents.get(place.agent.state.agent_id or "")
            assert known is None or known.connection is None or known.total == place.agent.state.resources
            place.connect()
        self.deliver()
        for place in self.places:
            known = state.agents.get(place.agent.state.agent_id or "")
            if known is None or known.connection != place.connection:
                # Marked gone, or on a machine that is down.
                continue
            assert known.total == place.agent.state.resources
            assert not [item for item in known.operations.values() if item.state == "OPERATION_PENDING"]
            runs = {run.key for run in place.agent.state.runs.values() if not run.command}
            assert set(known.executors) == {key for key in runs if key[0] in state.frameworks}


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=25, stateful_step_count=40)
