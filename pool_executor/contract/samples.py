"""Servers that stand for all of a backend where a configuration is judged by itself. Pure."""

from collections.abc import Iterator

from pool_executor.contract.marker import BackendFacts
from pool_executor.contract.servers import Server, server_line

_ADDRESS, _PORT = "127.0.0.1", 1


def sample_lines(facts: BackendFacts) -> Iterator[str]:
    """A line for each way in which servers of the backend are told, in the order of its options."""
    for number, key in enumerate(facts.options, 1):
        yield server_line(Server(f"sample-{number}", _ADDRESS, _PORT, number, options=key), facts.options)
