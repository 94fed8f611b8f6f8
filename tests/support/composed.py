"""The files of a load balancer: the texts of a structure with the lines of servers at their places."""

from collections.abc import Iterator, Mapping, Sequence

from api.dcos_template.rendering.printed import Texts
from api.dcos_template.selecting.endpoint import Endpoint
from api.dcos_template.selecting.servers import server_of
from pool_executor.contract import BackendFacts, Server, compose, server_line


def servers_of(endpoints: Sequence[Endpoint]) -> list[Server]:
    """Numbered in the order of their names."""
    servers: list[Server] = []
    for endpoint in sorted(endpoints):
        servers.append(server_of(endpoint, None, {server.id for server in servers}))
    return servers


def composed(texts: Texts, endpoints: Mapping[str, Sequence[Endpoint]]) -> dict[str, str]:
    """By the name of the part."""

    def lines(facts: BackendFacts) -> Iterator[str]:
        for server in servers_of(endpoints.get(facts.backend, ())):
            yield server_line(server, facts.options)

    return {
        name: compose(text.text, lines) if text.part.kind == "config" else text.text for name, text in texts.items()
    }
