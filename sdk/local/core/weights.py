"""Weights of roles: UPDATE_WEIGHTS, PUT /weights, and how they are shown."""

from sdk.local.core.allocation import mark_dirty, rescind
from sdk.local.core.emit import persist
from sdk.local.core.model import State
from sdk.local.core.outputs import Answer
from sdk.local.core.roles import problem
from sdk.local.core.wire import Json

_HEAD = "Failed to validate update weights request JSON"


def shown(state: State) -> list[Json]:
    """All weights that an operator set."""
    return [{"weight": weight, "role": role} for role, weight in sorted(state.weights.items())]


def update(state: State, infos: list[Json], now: float) -> Answer:
    """Set these weights, all or none. Offers are made anew if somebody subscribed to one of the roles."""
    named: dict[str, float] = {}
    for item in infos:
        # `*` is the default of the field in Mesos, which trims the name.
        role = item.get("role", "*").strip()
        why = problem(role)
        if why is not None:
            return Answer(status=400, text=f"{_HEAD}: Invalid role '{role}': {why}")
        if item["weight"] <= 0:
            text = f"{_HEAD} for role '{role}': Invalid weight '{item['weight']:g}': Weights must be positive"
            return Answer(status=400, text=text)
        named[role] = item["weight"]
    state.weights |= named
    persist(state)
    if any(role in named for framework in state.frameworks.values() for role in framework.roles):
        rescind(state, state.offers.values(), now)
        mark_dirty(state, now)
    return Answer(status=200)
