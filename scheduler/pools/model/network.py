"""Where instances run: in which image, and on which networks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLabel:
    """Something that the plugin of a network is told."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualNetwork:
    """A network of containers (CNI) that each instance joins, with an address of its own."""

    name: str
    labels: tuple[NetworkLabel, ...] = ()
    """In the order of their names."""
