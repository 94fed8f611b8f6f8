"""The groups of load balancers that applications of Marathon-LB are for, and the pool template that stands for each.
Pure.

What was served to some clients alone comes to no others: an application is under the templates of its own groups.
"""

from dataclasses import dataclass

from api.auto_pools.templates.stored_template import name_problem

TEMPLATE = "marathon-lb"
EXTERNAL = "external"
"""The group of load balancers that Marathon-LB is where nobody says otherwise."""
ALL = "*"
"""Whatever group an application names."""


@dataclass(frozen=True, slots=True)
class BalancerGroups:
    """`served` are those of the template `marathon-lb`; each other one has the template `marathon-lb-<group>`."""

    served: frozenset[str] = frozenset({EXTERNAL})

    @property
    def are_all_served(self) -> bool:
        """Whether there is one template for all."""
        return ALL in self.served

    def templates(self, named: frozenset[str]) -> tuple[str, ...]:
        """Of what is for the groups that are named; none for a group after which no template can be called."""
        if self.are_all_served:
            return (TEMPLATE,) if named else ()
        others = (f"{TEMPLATE}-{group}" for group in sorted(named - self.served))
        own = (TEMPLATE,) if named & self.served else ()
        return (*own, *(template for template in others if name_problem(template) is None))
