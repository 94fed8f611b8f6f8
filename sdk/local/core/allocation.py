"""Who is offered what: allocation cycles, refusals, and giving offers back.

All free resources of an agent that a role may use go to one framework in one role: `shares` says who is next,
`headroom` what quotas leave. New schedulers and REVIVE allocate at once over all agents, a new agent over itself;
freed resources and expired refusals wait for the cycle.
"""

import math
from collections.abc import Iterable, Sequence

from sdk.local.core import inverse
from sdk.local.core.emit import charge, outgoing, to_scheduler
from sdk.local.core.filters import Filter
from sdk.local.core.headroom import Headroom
from sdk.local.core.model import Agent, Framework, Offer, State
from sdk.local.core.resources import Resources, thousandths
from sdk.local.core.roles import may_use
from sdk.local.core.shares import Shares
from sdk.local.core.wire import Json

DEFAULT_REFUSE_SECONDS = 5.0
_MAX_REFUSE_SECONDS = 365 * 24 * 3600.0
# Below both of these Mesos makes no offer (MIN_CPUS, MIN_MEM), in thousandths.
_MIN_CPUS, _MIN_MEM = 10, 32_000
# The flags allocator_agent_recovery_factor and allocator_recovery_timeout have these values.
_RECOVERY_FACTOR, _RECOVERY_TIMEOUT = 0.8, 600.0


def mark_dirty(state: State, now: float, not_before: float = 0.0) -> None:
    """Something was freed, or will be at `not_before`: allocate at the first cycle after that."""
    interval = state.config.allocation_interval
    at = max(now, not_before) - state.started
    due = state.started + (math.floor(at / interval) + 1) * interval
    if state.allocation_at is None or due < state.allocation_at:
        state.allocation_at = due


def hold_offers(state: State, now: float) -> None:
    """After a restart: with quotas, wait for most agents. What they run is not known yet, so neither is who has how
    much of a quota.
    """
    if state.quotas and state.recovered_agents:
        state.hold = (int(len(state.recovered_agents) * _RECOVERY_FACTOR), now + _RECOVERY_TIMEOUT)


def set_total(state: State, agent: Agent, total: Resources) -> None:
    """The agent has this much from now on; what it had before is known to the capacity of the cluster."""
    state.capacity.change(agent.total, total)
    agent.total = total


def refusal(seconds: float | None) -> float:
    """How long a refusal holds that names so many seconds, or none."""
    if seconds is None or seconds < 0:
        return DEFAULT_REFUSE_SECONDS
    return min(seconds, _MAX_REFUSE_SECONDS)


def refuse(state: State, offer: Offer, refused: Resources, seconds: float | None, now: float) -> None:
    """Keep `refused` from being offered to the same framework and role again for that time (None: the default)."""
    holds = refusal(seconds)
    if not refused or holds == 0:
        return
    state.filters.add(
        Filter(
            framework_id=offer.framework_id,
            agent_id=offer.agent_id,
            role=offer.role,
            refused=offer.taken.plain() if refused is offer.resources else refused.unallocated(),
            until=now + holds,
        )
    )


def take_back(state: State, offer: Offer, now: float) -> None:
    """End an offer; what it lent is free again."""
    del state.offers[offer.offer_id]
    framework = state.frameworks.get(offer.framework_id)
    if framework is not None:
        del framework.offers[offer.offer_id]
        charge(framework, offer.resources, -1)
    agent = state.agents.get(offer.agent_id)
    if agent is not None:
        del agent.offers[offer.offer_id]
        agent.free = agent.free + offer.taken
        mark_dirty(state, now)


def rescind(state: State, offers: Iterable[Offer], now: float) -> None:
    """End offers that the framework did not ask to end: it is told."""
    for offer in list(offers):
        framework = state.frameworks.get(offer.framework_id)
        take_back(state, offer, now)
        if framework is not None:
            framework.count("offers/rescinded")
            to_scheduler(state, framework, {"type": "RESCIND", "rescind": {"offer_id": {"value": offer.offer_id}}})


def offers_of(holder: Framework | Agent) -> list[Offer]:
    """Outstanding offers to a framework or of an agent, newest first as Mesos walks them."""
    return list(reversed(holder.offers.values()))


def revive(state: State, framework: Framework, roles: Iterable[str]) -> None:
    """Forget the refusals of these roles and offer to them again."""
    names = set(roles)
    framework.suppressed -= names
    state.filters.drop_roles(framework.framework_id, names)
    inverse.revive(state, framework)


def _enough(resources: Resources) -> bool:
    return resources.scalar("cpus") >= _MIN_CPUS or resources.scalar("mem") >= _MIN_MEM


def _worth_offering(framework: Framework, role: str, resources: Resources) -> bool:
    wanted = framework.info.get("offer_filters", {}).get(role, {}).get("min_allocatable_resources")
    if wanted is None:
        return _enough(resources)
    have = resources.scalars()
    groups = wanted.get("quantities", [])
    # Named without any quantities, everything is worth offering.
    return not groups or any(
        all(have.get(name, 0) >= thousandths(amount["value"]) for name, amount in group.get("quantities", {}).items())
        for group in groups
    )


def _offer(state: State, framework: Framework, agent: Agent, role: str, resources: Resources) -> Offer:
    offer_id = state.offer_id()
    lent = resources.lent(agent.total, role)
    message: Json = {
        "id": {"value": offer_id},
        "framework_id": {"value": framework.framework_id},
        "agent_id": {"value": agent.agent_id},
        "hostname": agent.hostname,
        "url": agent.url,
    }
    if "domain" in agent.info:
        message["domain"] = agent.info["domain"]
    message["resources"] = outgoing(framework, lent)
    if agent.info.get("attributes"):
        message["attributes"] = agent.info["attributes"]
    unavailability = state.maintenance.unavailability(agent.machine)
    executors = [executor_id for owner, executor_id in agent.executors if owner == framework.framework_id]
    if executors:
        message["executor_ids"] = [{"value": executor_id} for executor_id in executors]
    if unavailability is not None:
        message["unavailability"] = unavailability
    if framework.has("MULTI_ROLE"):
        message["allocation_info"] = {"role": role}
    offer = Offer(
        offer_id=offer_id,
        framework_id=framework.framework_id,
        agent_id=agent.agent_id,
        role=role,
        taken=resources,
        resources=lent,
        message=message,
    )
    state.offers[offer_id] = framework.offers[offer_id] = agent.offers[offer_id] = offer
    agent.free = agent.free - resources
    framework.allocations[role] = framework.allocations.get(role, 0) + 1
    charge(framework, lent)
    return offer


class _Allocation:
    """One allocation: what is known of everybody while it goes on, and the offers made so far."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._shares = Shares(state.capacity.total, state.weights, state.frameworks.values())
        self._headroom = Headroom(state)
        self.made: dict[str, list[Offer]] = {}

    def run(self, agents: Sequence[Agent]) -> None:
        """Guarantees first, over all agents; then everybody."""
        if self._headroom.guarantees:
            for agent in agents:
                self._distribute(agent, guaranteed=True)
        for agent in agents:
            self._distribute(agent, guaranteed=False)

    def _distribute(self, agent: Agent, *, guaranteed: bool) -> None:
        for role in self._shares.roles():
            reach = frozenset(name for name in agent.free.roles if may_use(role, name))
            usable = agent.free.reserved_for(reach)
            if usable and self._serve(agent, role, usable, guaranteed=guaranteed) and not agent.free:
                return

    def _serve(self, agent: Agent, role: str, usable: Resources, *, guaranteed: bool) -> bool:
        """Offer to the first framework of the role that wants it; whether there was one."""
        if guaranteed:
            usable = self._headroom.guaranteed(role, usable)
        elif self._headroom.bounded:
            usable = self._headroom.allowed(role, usable)
        if not usable:
            return False
        refused = self._state.filters.on(agent.agent_id)
        enough = _enough(usable)
        for framework in self._shares.frameworks(role):
            if not (_worth_offering(framework, role, usable) if "offer_filters" in framework.info else enough):
                continue
            if framework.constraints.exclude(role, agent.info):
                continue
            filters = refused.get(framework.framework_id)
            if filters and any(item.covers(role, usable) for item in filters):
                continue
            offer = _offer(self._state, framework, agent, role, usable)
            self._shares.charge(role, framework, usable.scalars())
            self._headroom.charge(role, usable)
            self.made.setdefault(framework.framework_id, []).append(offer)
            return True
        return False


def allocate(state: State, now: float, agents: Iterable[Agent] | None = None) -> None:
    """One allocation over all agents, or over some; one OFFERS event per framework."""
    state.filters.expire(now)
    if state.hold is not None:
        wanted, until = state.hold
        if len(state.agents) < wanted and now < until:
            state.allocation_at = None
            mark_dirty(state, now, until)
            return
        state.hold, agents = None, None
    candidates = list(state.agents.values() if agents is None else agents)
    chosen = [agent for agent in candidates if agent.connection is not None and not agent.deactivated and agent.free]
    if chosen:
        allocation = _Allocation(state)
        allocation.run(chosen)
        for framework_id, offers in allocation.made.items():
            state.frameworks[framework_id].count("offers/sent", len(offers))
            event = {"type": "OFFERS", "offers": {"offers": [offer.message for offer in offers]}}
            to_scheduler(state, state.frameworks[framework_id], event)
    asked = inverse.make(state, candidates, now)
    due = state.allocation_at if agents is None and state.allocation_at is not None else now
    state.allocation_lateness = max(0.0, now - due)
    state.count("allocation_runs")
    if agents is None:
        state.last_allocation = now
        state.allocation_at = None
    for expires in (asked, state.filters.next() if agents is None else None):
        if expires is not None:
            mark_dirty(state, now, expires)
