"""What a service has been, and what an operator has gone back to: stored beside its target."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.model.ids import ConfigId
from sdk.model.spec import PodSpec, ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A configuration of a pod that was wanted, and with which an instance has been ready."""

    config: ConfigId
    spec: PodSpec
    until: float
    """When another one became wanted, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An operator went back to a configuration of a pod: it is the target whatever is published, until he unpins it."""

    config: ConfigId
    spec: PodSpec
    at: float
    """Seconds since the epoch."""
    by: str = ""
    """Who it was, as far as that was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Both, of one service."""

    service: str
    past: tuple[Past, ...] = ()
    """The newest first."""
    pins: Mapping[str, Pin] = field(default_factory=dict)
    """By pod."""
    published: ServiceSpec | None = None
    """What was published last, while something is pinned."""

    @property
    def says_nothing(self) -> bool:
        """Nothing of it need be remembered."""
        return not self.past and not self.pins
