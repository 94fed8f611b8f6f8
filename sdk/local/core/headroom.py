"""How quotas bound one allocation: limits of roles, and what is laid away for guarantees that are not satisfied yet.

A quota counts all that is reserved for the role or a role below it, used or not, and all unreserved resources that are
offered to these roles or used by them. Only unreserved scalars are ever held back. Knows no agents and no offers.
"""

from collections.abc import Iterable, Mapping

from sdk.local.core.model import Framework, State
from sdk.local.core.resources import Resources, thousandths
from sdk.local.core.wire import Json

Amounts = dict[str, int]


def amounts(scalars: Mapping[str, Json]) -> Amounts:
    """Thousandths by name of a map of names to Scalar messages."""
    return {name: thousandths(item["value"]) for name, item in scalars.items()}


def top(role: str) -> str:
    """The top-level role above `role`; only that can have a quota."""
    return role.partition("/")[0]


def consumed(state: State, role: str) -> Amounts:
    """What counts against the quota of a top-level role."""
    found: Amounts = {}
    for name, held in state.capacity.reserved.items():
        if top(name) == role:
            _add(found, held)
    for framework in state.frameworks.values():
        for name, held in framework.unreserved.items():
            if top(name) == role:
                _add(found, held)
    return found


def _add(total: Amounts, more: Mapping[str, int], sign: int = 1) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + sign * amount


def _missing(wanted: Amounts, have: Amounts) -> Amounts:
    """What `have` lacks of `wanted`; only what is above zero."""
    return {name: amount - have.get(name, 0) for name, amount in wanted.items() if amount > have.get(name, 0)}


def _unreserved(resources: Resources) -> tuple[Resources, Resources]:
    """Unreserved scalars, and all the rest."""
    names = {kind.key for kind, value in resources.parts() if kind.role == "*" and isinstance(value, int)}
    return resources.of_kinds(lambda kind: kind.key in names), resources.of_kinds(lambda kind: kind.key not in names)


class Headroom:
    """The quotas during one allocation. Without quotas it gives everything to everybody."""

    def __init__(self, state: State) -> None:
        self._guarantees = {role: amounts(item.get("guarantees", {})) for role, item in state.quotas.items()}
        self._limits = {role: amounts(item.get("limits", {})) for role, item in state.quotas.items()}
        self._consumed = {role: consumed(state, role) for role in state.quotas}
        self._required: Amounts = {}
        for role, wanted in self._guarantees.items():
            _add(self._required, _missing(wanted, self._consumed[role]))
        self._available: Amounts = {}
        if self._required:
            self._available = self._unreserved_free(state.frameworks.values(), state)

    @staticmethod
    def _unreserved_free(frameworks: Iterable[Framework], state: State) -> Amounts:
        found = dict(state.capacity.total)
        for held in state.capacity.reserved.values():
            _add(found, held, -1)
        for framework in frameworks:
            for held in framework.unreserved.values():
                _add(found, held, -1)
        return found

    @property
    def guarantees(self) -> bool:
        """Whether some guarantee is not satisfied."""
        return bool(self._required)

    @property
    def bounded(self) -> bool:
        """Whether anybody may get less than everything."""
        return bool(self._limits)

    def guaranteed(self, role: str, usable: Resources) -> Resources:
        """What `role` gets of `usable` towards its guarantee, with the other resources that it may have beside them;
        nothing if that brings it no nearer to its guarantee.
        """
        above = top(role)
        missing = _missing(self._guarantees.get(above, {}), self._consumed.get(above, {}))
        if not missing:
            return Resources()
        scalars, others = _unreserved(usable)
        owed = scalars.shrunk(missing, others=False)
        if not owed:
            return Resources()
        return others + owed + self._more(above, scalars - owed, owed)

    def _more(self, above: str, scalars: Resources, owed: Resources) -> Resources:
        """What may be added to `owed` within the limits and without touching what is laid away for others."""
        limits = self._limits.get(above)
        if limits:
            left = dict(limits)
            _add(left, {name: amount for name, amount in self._consumed[above].items() if name in left}, -1)
            _add(left, {name: amount for name, amount in owed.scalars().items() if name in left}, -1)
            scalars = scalars.shrunk(left, others=True)
        if self._required and scalars:
            # `owed` is taken from both sides, so that it does not change the difference.
            surplus = dict(self._available)
            _add(surplus, self._required, -1)
            scalars = scalars.shrunk(surplus, others=False)
        return scalars

    def allowed(self, role: str, usable: Resources) -> Resources:
        """What `role` may have of `usable` beyond guarantees."""
        if not self._limits:
            return usable
        scalars, others = _unreserved(usable)
        more = self._more(top(role), scalars, Resources())
        return usable if more == scalars else others + more

    def charge(self, role: str, offered: Resources) -> None:
        """`role` was offered this."""
        if not self._limits:
            return
        taken = _unreserved(offered)[0].scalars()
        above = top(role)
        if above in self._consumed:
            before = _missing(self._guarantees[above], self._consumed[above])
            _add(self._consumed[above], taken)
            after = _missing(self._guarantees[above], self._consumed[above])
            _add(self._required, before, -1)
            _add(self._required, after)
            self._required = {name: amount for name, amount in self._required.items() if amount > 0}
        _add(self._available, taken, -1)
