"""How patient the scheduler is, and what else does not change while the process runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.plan.policies import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All times in seconds."""

    principal: str | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """What orders plans, by the name that specs have for it."""
    decline_idle: float = 3600.0
    """Filter of offers when nothing is wanted; new work clears it with REVIVE."""
    decline_watching: float = 120.0
    """Filter while only leftovers on lost agents are awaited."""
    decline_pending: float = 5.0
    """Filter of offers that did not fit while work waits."""
    kill_first: float = 5.0
    kill_limit: float = 60.0
    reconcile_first: float = 5.0
    reconcile_limit: float = 60.0
    implicit_reconcile: float = 900.0
    """Between implicit reconciliations."""
    sweep_every: float = 300.0
    """Between looks through all offers, also those of suppressed roles, for reservations that nobody holds any more: an
    agent that returns with some is not announced to anybody whose offers are suppressed."""
    sweep: float = 10.0
    """How long such a look lasts."""
    final_sweep: float = 5.0
    """How long an uninstall looks for such reservations before it ends the framework."""
    holding_patience: float = 30.0
    """How long a known reservation may be missing from the offers of its agent until it is given up. Longer than an
    executor takes to end after its task: until then its part of the reservation is not offered."""
    proof_within: float = 10.0
    """An ACCEPT of which nothing is seen for so long may have been lost: its offers are declined, so that they come
    back if they are still ours. Twice as long without a trace of a released reservation, and it counts as gone
    (a master without operation feedback may have given the resources to others)."""
    feedback_patience: float = 30.0
    """How long the outcome of an UNRESERVE with an operation id is waited for: an agent repeats it until it is
    acknowledged, so a longer silence means that it is lost."""
    silent_agent: float = 60.0
    """After so long without any offer of an agent that holds a reservation which we want, the agent counts as lost."""
    removal_patience: float = 60.0
    """How long a lost agent, or one that offers nothing, holds up the removal of an instance."""
    replacements_at_once: int = 5
    """Instances of lost or leaving agents that may be launched elsewhere and not be ready yet, of all services."""
    replacement_patience: float = 300.0
    """After so long a replacement that is not ready makes room for others."""
    displaced_patience: float = 120.0
    """After so long a rolling update goes on without an instance that has lost its place."""
    offer_fresh: float = 10.0
    """How old the last offer of an agent may be for an instance to be ended there for its new configuration."""
    offer_patience: float = 30.0
    """How long such an offer is waited for before one of another agent is taken instead."""
    surge_patience: float = 10.0
    """How long a place is looked for in which an outdated instance is launched before its old task is ended."""
    update_regardless: float = 300.0
    """How long either is waited for until the instance is ended all the same."""
    all_ports_patience: float = 5.0
    """How long an offer with all optional ports is waited for before one that lacks some is taken."""
    widen_window: float = 600.0
    widen_most: int = 3
    """How often an instance is launched anew for optional ports within that window."""
    widen_again: float = 300.0
    """After a look for optional ports without success, when the next one begins."""
    inverse_again: float = 60.0
    """When Mesos may ask again about a maintenance that was answered."""
    avoid_after_replace: float = 60.0
    """How long a host that an operator replaced an instance from is not chosen for it again."""
    leftover_age: float = 14 * 86400.0
    """After so long nobody waits for a lost agent to come back (the master forgets it at about this age, too). Should
    it come all the same, what is on it is found like anything else that nobody holds."""
    destroy_volumes: bool = False
    """Whether an uninstall destroys all volumes. If not, it says which stay where."""
    quarantine_first: float = 1.0
    quarantine_limit: float = 300.0
    """How long a service in which something fails is left alone, at first and at most."""
    own_roles: frozenset[str] = frozenset()
    """Roles that are ours by configuration, needed or not."""
    role_answer: float = 10.0
    """An UPDATE_FRAMEWORK without any answer for so long is sent again."""
    role_first: float = 30.0
    role_limit: float = 600.0
    """Between two tries to get into a role that Mesos refuses."""
    revive_again: float = 15.0
    """A REVIVE is repeated when work waits for so long without any offer: the call may have been lost."""
