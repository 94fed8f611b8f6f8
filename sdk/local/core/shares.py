"""Who is next: weighted dominant resource fairness over the tree of roles, and over the frameworks in each role.

A share is the largest part that somebody holds of any scalar in the cluster, divided by the weight. Roles are compared
level by level: `a/b` and `a/c` compete for what `a` gets, and `a` competes as a whole with other roles at the top. At
equal shares the one that was offered something less often comes first, then the name decides, as in Mesos' sorter.
Knows no agents, offers or quotas.
"""

from collections.abc import Iterable, Mapping

from sdk.local.core.model import Framework

Amounts = Mapping[str, int]
"""Thousandths by scalar name."""


def dominant_share(held: Amounts, totals: Amounts) -> float:
    """The largest part of any scalar in the cluster."""
    share = 0.0
    for name, amount in held.items():
        total = totals.get(name, 0)
        if total > 0 and amount > share * total:
            share = amount / total
    return share


_Rank = tuple[float, int, str, Framework]
"""Share, offers so far, id: no two are equal, so that frameworks are never compared."""


class _Node:
    """A role, a level above roles, or (with a last component `.`) a role that also stands above others."""

    __slots__ = ("children", "clients", "count", "held", "order", "parent", "path", "role", "share", "sorted", "weight")

    def __init__(self, path: str, parent: "_Node | None", weight: float) -> None:
        self.path = path
        self.parent = parent
        self.weight = weight
        self.children: dict[str, _Node] = {}
        self.held: dict[str, int] = {}
        self.count = 0
        self.share = 0.0
        self.role: str | None = None
        self.clients: dict[str, _Rank] = {}
        """Frameworks that want offers in this role."""
        self.sorted: list[Framework] | None = None
        self.order: list[_Node] | None = None


class Shares:
    """The shares of one allocation; what is offered meanwhile is charged."""

    def __init__(self, totals: Amounts, weights: Mapping[str, float], frameworks: Iterable[Framework]) -> None:
        self._totals = totals
        self._weights = weights
        self._root = _Node("", None, 1.0)
        self._leaves: dict[str, _Node] = {}
        self._roles: list[str] | None = None
        everybody = list(frameworks)
        names = {role for item in everybody for role in (*item.roles, *item.held)}
        above = {role[:end] for role in names for end in range(len(role)) if role[end] == "/"}
        for role in names:
            # `.` is no valid component of a role, and sorts before every valid one.
            self._leaves[role] = self._grow(f"{role}/." if role in above else role)
            self._leaves[role].role = role
        for item in everybody:
            for role, held in item.held.items():
                self._add(self._leaves[role], held, item.allocations.get(role, 0))
            if item.connected:
                for role in item.roles:
                    if role not in item.suppressed:
                        self._leaves[role].clients[item.framework_id] = self._rank(item, role)
        for node in self._all(self._root):
            node.share = dominant_share(node.held, totals) / node.weight

    def _grow(self, path: str) -> _Node:
        node, at = self._root, 0
        while at >= 0:
            at = path.find("/", at + 1)
            part = path if at < 0 else path[:at]
            if part not in node.children:
                node.children[part] = _Node(part, node, self._weights.get(part, 1.0))
            node = node.children[part]
        return node

    def _all(self, node: _Node) -> Iterable[_Node]:
        for child in node.children.values():
            yield child
            yield from self._all(child)

    @staticmethod
    def _add(leaf: _Node, held: Amounts, count: int) -> list[_Node]:
        path: list[_Node] = []
        node: _Node | None = leaf
        while node is not None:
            for name, amount in held.items():
                node.held[name] = node.held.get(name, 0) + amount
            node.count += count
            path.append(node)
            node = node.parent
        return path

    def roles(self) -> list[str]:
        """The roles in which somebody wants offers, the poorest first."""
        if self._roles is None:
            self._roles = []
            self._collect(self._root, self._roles)
        return self._roles

    def _collect(self, node: _Node, found: list[str]) -> None:
        if node.role is not None:
            if node.clients:
                found.append(node.role)
            return
        if node.order is None:
            node.order = sorted(node.children.values(), key=lambda item: (item.share, item.count, item.path))
        for child in node.order:
            self._collect(child, found)

    def frameworks(self, role: str) -> list[Framework]:
        """The frameworks that want offers in `role`, the poorest first."""
        leaf = self._leaves[role]
        if leaf.sorted is None:
            leaf.sorted = [rank[3] for rank in sorted(leaf.clients.values())]
        return leaf.sorted

    def _rank(self, framework: Framework, role: str) -> _Rank:
        share = dominant_share(framework.held.get(role, {}), self._totals)
        return share, framework.allocations.get(role, 0), framework.framework_id, framework

    def charge(self, role: str, framework: Framework, amounts: Amounts) -> None:
        """`framework` was offered this in `role`; its own books say so already."""
        leaf = self._leaves[role]
        for node in self._add(leaf, amounts, 1):
            node.share = dominant_share(node.held, self._totals) / node.weight
            if node.parent is not None:
                node.parent.order = None
        leaf.clients[framework.framework_id] = self._rank(framework, role)
        leaf.sorted = None
        self._roles = None
