"""Where everything of a running stack is at this moment: asked from it, shown to people, written for scripts.

Pool instances move and leaders change, so nothing here is remembered from the start.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from api.cli.local.stack import Stack
from sdk.errors import EnvironmentProblem
from sdk.local.faults import FaultInjector

_PATIENCE = 30.0
"""Seconds in which an API server that was killed is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Addresses of a stack. `pools` has the URLs of each frontend by pool and name, `missing` the agents that the
    master does not reach.
    """

    api: str
    application: str
    mesos: str
    """Of the leading master."""
    masters: Mapping[str, str]
    agents: Mapping[str, str]
    pools: Mapping[str, Mapping[str, Sequence[str]]]
    stats: Sequence[str]
    missing: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """The table for eyes."""
        yield f"  API          {self.api}/ping"
        yield f"  Mesos        {self.mesos}/"
        for pool, frontends in self.pools.items():
            urls = [url for urls in frontends.values() for url in urls]
            for url in urls or [f"serves nowhere now; `edgelb status {pool}` tells why"]:
                yield f"  pool {pool:<7} {url}"
        for url in self.stats:
            yield f"  stats        {url}"
        yield f"  application  {self.application}/v1/count"
        if self.missing:
            count = len(self.agents) - len(self.missing)
            yield f"  agents       {count} of {len(self.agents)} are there, without {', '.join(self.missing)}"

    def document(self) -> dict[str, Any]:
        """The file for scripts."""
        return {
            "api": self.api,
            "application": self.application,
            "agents": dict(self.agents),
            "masters": dict(self.masters),
            "mesos": self.mesos,
            "pools": {pool: {name: list(urls) for name, urls in found.items()} for pool, found in self.pools.items()},
            "stats": list(self.stats),
        }


def look(stack: Stack, patience: float = _PATIENCE) -> Overview:
    """What runs now. EnvironmentProblem when the API server does not answer; the rest is shown as far as it does."""
    names: list[str] = []

    def told() -> bool:
        names[:] = sorted(one["name"] for one in stack.get(f"{stack.api}/v2/pools"))
        return True

    stack.await_true(told, patience, "the API server")
    pools: dict[str, dict[str, list[str]]] = {}
    stats: list[str] = []
    for name in names:
        pools[name] = {}
        # One that is only just made, or deleted meanwhile, has no addresses.
        with suppress(EnvironmentProblem):
            pools[name], serving = stack.endpoints(name)
            stats += serving
    mesos, missing = stack.mesos, list[str]()
    # While no master leads nobody knows which agents there are.
    with suppress(EnvironmentProblem):
        faults = FaultInjector(stack.cluster)
        mesos = f"http://{stack.cluster.masters[faults.leader()]}"
        registered = faults.registered()
        missing = [name for name in stack.cluster.agents if name not in registered]
    return Overview(
        api=stack.api,
        application=stack.application,
        mesos=mesos,
        masters=stack.cluster.masters,
        agents=stack.cluster.agents,
        pools=pools,
        stats=stats,
        missing=missing,
    )
