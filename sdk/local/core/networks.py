"""Networks of containers: which addresses this agent has for each, who has which, and what is told of it.

That others reach these addresses is not its business: they are of the loopback network, or of network namespaces that
somebody made.
"""

from sdk.local.core.agent_model import AgentState, ContainerAddress, ExecutorRun
from sdk.local.core.wire import Json


class NoAddress(Exception):
    """A container cannot join a network; the sentence says why."""


def join(state: AgentState, container: Json) -> tuple[ContainerAddress, ...]:
    """An address for each network that a ContainerInfo names, or NoAddress."""
    taken = {ip for run in state.runs.values() for ip in ips(run)}
    found: list[ContainerAddress] = []
    for info in _named(container):
        name = info["name"]
        known = state.config.networks.get(name)
        if known is None:
            raise NoAddress(f"Unknown CNI network '{name}'")
        free = next((address for address in known if address.ip not in taken), None)
        if free is None:
            raise NoAddress(f"All {len(known)} addresses that this agent has of CNI network '{name}' are in use")
        found.append(free)
    return tuple(found)


def ips(run: ExecutorRun) -> list[str]:
    """The addresses of a run's container."""
    return [told["ip_addresses"][0]["ip_address"] for told in run.networks]


def told(container: Json, addresses: tuple[ContainerAddress, ...]) -> list[Json]:
    """The `network_infos` of a container's status."""
    return [
        {
            "name": info["name"],
            **({"labels": info["labels"]} if "labels" in info else {}),
            "ip_addresses": [{"protocol": "IPv6" if ":" in address.ip else "IPv4", "ip_address": address.ip}],
        }
        for info, address in zip(_named(container), addresses, strict=True)
    ]


def _named(container: Json) -> list[Json]:
    """Those of networks of containers: without a name it is the agent's own network."""
    infos = container.get("network_infos", ())
    return [info for info in infos if isinstance(info, dict) and isinstance(info.get("name"), str) and info["name"]]
