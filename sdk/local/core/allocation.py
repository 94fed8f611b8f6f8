"""Who is offered what: allocation cycles, refusals, and giving offers back.

All free resources of an agent that a role may use go to one framework in one role, the one that holds the smallest
share of the cluster (dominant resource fairness over roles, then over frameworks in a role). New agents, new schedulers
and REVIVE allocate at once; freed resources and expired filters wait for the cycle.
"""

import math
from collections.abc import Iterable

from sdk.local.core.emit import charge, outgoing, to_scheduler
from sdk.local.core.model import Agent, Filter, Framework, Offer, State
from sdk.local.core.resources import Resources, reservation_role
from sdk.local.core.roles import may_use
from sdk.local.core.wire import Json

DEFAULT_REFUSE_SECONDS = 5.0
_MAX_REFUSE_SECONDS = 365 * 24 * 3600.0
# Below both of these Mesos makes no offer (MIN_CPUS, MIN_MEM), in thousandths.
_MIN_CPUS, _MIN_MEM = 10, 32_000


def mark_dirty(state: State, now: float, not_before: float = 0.0) -> None:
    """Something was freed, or will be at `not_before`: allocate at the first cycle after that."""
    interval = state.config.allocation_interval
    at = max(now, not_before) - state.started
    due = state.started + (math.floor(at / interval) + 1) * interval
    if state.allocation_at is None or due < state.allocation_at:
        state.allocation_at = due


def refuse(state: State, offer: Offer, refused: Resources, seconds: float | None, now: float) -> None:
    """Keep `refused` from being offered to the same framework and role again for that time (None: the default)."""
    if seconds is None or seconds < 0:
        seconds = DEFAULT_REFUSE_SECONDS
    if not refused or seconds == 0:
        return
    until = now + min(seconds, _MAX_REFUSE_SECONDS)
    state.filters.append(
        Filter(
            framework_id=offer.framework_id,
            agent_id=offer.agent_id,
            role=offer.role,
            refused=refused.unallocated(),
            until=until,
        )
    )


def take_back(state: State, offer: Offer, now: float) -> None:
    """End an offer; what it lent is free again."""
    del state.offers[offer.offer_id]
    charge(state.frameworks.get(offer.framework_id), offer.resources, -1)
    agent = state.agents.get(offer.agent_id)
    if agent is not None:
        agent.free = agent.free + offer.resources.unallocated()
        mark_dirty(state, now)


def rescind(state: State, offers: Iterable[Offer], now: float) -> None:
    """End offers that the framework did not ask to end: it is told."""
    for offer in list(offers):
        framework = state.frameworks.get(offer.framework_id)
        take_back(state, offer, now)
        if framework is not None:
            framework.count("offers/rescinded")
            to_scheduler(state, framework, {"type": "RESCIND", "rescind": {"offer_id": {"value": offer.offer_id}}})


def offers_of(state: State, *, framework: Framework | None = None, agent: Agent | None = None) -> list[Offer]:
    """Outstanding offers to a framework or of an agent, newest first as Mesos walks them."""
    return [
        offer
        for offer in reversed(state.offers.values())
        if (framework is None or offer.framework_id == framework.framework_id)
        and (agent is None or offer.agent_id == agent.agent_id)
    ]


def revive(state: State, framework: Framework, roles: Iterable[str]) -> None:
    """Forget the refusals of these roles and offer to them again."""
    names = set(roles)
    framework.suppressed -= names
    state.filters = [
        item for item in state.filters if item.framework_id != framework.framework_id or item.role not in names
    ]


def _share(held: dict[str, int], totals: dict[str, int]) -> float:
    return max((held.get(name, 0) / total for name, total in totals.items() if total > 0), default=0.0)


def _candidates(state: State, totals: dict[str, int]) -> list[tuple[str, Framework]]:
    """Roles and frameworks that want offers, the poorest first."""
    by_role: dict[str, dict[str, int]] = {}
    for framework in state.frameworks.values():
        for role, held in framework.held.items():
            sums = by_role.setdefault(role, {})
            for name, amount in held.items():
                sums[name] = sums.get(name, 0) + amount
    ranked = [
        (
            _share(by_role.get(role, {}), totals),
            role,
            _share(framework.held.get(role, {}), totals),
            framework.registered,
            framework.framework_id,
            framework,
        )
        for framework in state.frameworks.values()
        if framework.connected
        for role in framework.roles
        if role not in framework.suppressed
    ]
    return [(item[1], item[5]) for item in sorted(ranked, key=lambda item: item[:5])]


def _worth_offering(framework: Framework, resources: Resources) -> bool:
    wanted = framework.info.get("offer_filters", {}).get("min_allocatable_resources", {}).get("quantities")
    if wanted:
        have = resources.scalars()
        return any(
            all(have.get(name, 0) >= amount["value"] * 1000 for name, amount in group.get("quantities", {}).items())
            for group in wanted
        )
    return resources.scalar("cpus") >= _MIN_CPUS or resources.scalar("mem") >= _MIN_MEM


def _refused(filters: list[Filter], framework: Framework, agent: Agent, role: str, resources: Resources) -> bool:
    return any(
        item.agent_id == agent.agent_id
        and item.framework_id == framework.framework_id
        and item.role == role
        and item.refused.contains(resources)
        for item in filters
    )


def _offer(state: State, framework: Framework, agent: Agent, role: str, resources: Resources) -> Offer:
    offer_id = f"{state.config.master_id}-O{state.next_offer}"
    state.next_offer += 1
    lent = resources.as_offered(agent.total).allocated(role)
    ip = agent.info.get("ip", "127.0.0.1")
    message: Json = {
        "id": {"value": offer_id},
        "framework_id": {"value": framework.framework_id},
        "agent_id": {"value": agent.agent_id},
        "hostname": agent.hostname,
        "url": {
            "scheme": "http",
            "address": {"hostname": agent.hostname, "ip": ip, "port": agent.info["port"]},
            "path": "/slave(1)",
        },
    }
    if "domain" in agent.info:
        message["domain"] = agent.info["domain"]
    message["resources"] = outgoing(framework, lent)
    if agent.info.get("attributes"):
        message["attributes"] = agent.info["attributes"]
    executors = [executor_id for owner, executor_id in agent.executors if owner == framework.framework_id]
    if executors:
        message["executor_ids"] = [{"value": executor_id} for executor_id in executors]
    if framework.has("MULTI_ROLE"):
        message["allocation_info"] = {"role": role}
    offer = Offer(
        offer_id=offer_id,
        framework_id=framework.framework_id,
        agent_id=agent.agent_id,
        role=role,
        resources=lent,
        message=message,
    )
    state.offers[offer_id] = offer
    agent.free = agent.free - resources
    charge(framework, lent)
    return offer


def allocate(state: State, now: float) -> None:
    """One allocation over all agents; one OFFERS event per framework."""
    state.filters = [item for item in state.filters if item.until > now]
    totals: dict[str, int] = {}
    for agent in state.agents.values():
        for name, amount in agent.total.scalars().items():
            if name in ("cpus", "mem", "disk"):
                totals[name] = totals.get(name, 0) + amount
    made: dict[str, list[Offer]] = {}
    for agent in state.agents.values():
        if agent.connection is None or agent.deactivated or not agent.free:
            continue
        for role, framework in _candidates(state, totals):
            usable = agent.free.where(lambda item, role=role: may_use(role, reservation_role(item)))  # type: ignore[misc]
            if not usable or not _worth_offering(framework, usable):
                continue
            if _refused(state.filters, framework, agent, role, usable):
                continue
            made.setdefault(framework.framework_id, []).append(_offer(state, framework, agent, role, usable))
            if not agent.free:
                break
    for framework_id, offers in made.items():
        state.frameworks[framework_id].count("offers/sent", len(offers))
        to_scheduler(
            state,
            state.frameworks[framework_id],
            {"type": "OFFERS", "offers": {"offers": [offer.message for offer in offers]}},
        )
    due = state.allocation_at if state.allocation_at is not None else now
    state.allocation_lateness = max(0.0, now - due)
    state.count("allocation_runs")
    state.last_allocation = now
    state.allocation_at = None
    if state.filters:
        mark_dirty(state, now, min(item.until for item in state.filters))
