"""Networks that instances join."""

from collections.abc import Iterator

from scheduler.pools.model import Pool
from scheduler.pools.problems import Problem


def network_problems(pool: Pool) -> Iterator[Problem]:
    """A container joins a network once."""
    first: dict[str, int] = {}
    for index, network in enumerate(pool.networks):
        if network.name in first:
            rule = f"is also the name of pool.virtualNetworks[{first[network.name]}]; list each network once"
            yield Problem(path=f"pool.virtualNetworks[{index}].name", value=network.name, rule=rule)
        first.setdefault(network.name, index)
