"""What an application asks for by its labels: the values that labels become, and that pools are made of. Pure.

Whoever reads labels checks each value by the rules of the pool's fields, so everything here can stand in a pool. Does
not know how labels are written, nor who wins where two ask for the same.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from scheduler.pools.model import Endpoint, MapRule
from scheduler.pools.model.redirect import Redirect

DEFAULT_TEMPLATE = "default"
DEFAULT_GROUP = "__default__"


class App(NamedTuple):
    """An application across the restarts of its tasks: a Marathon app, a pod's container, or tasks of one name.

    `name` is Marathon's id (`/group/app`) where `marathon`, else the name of the tasks; `container` is that of a pod.
    """

    framework: str
    """The framework's name."""
    name: str
    marathon: bool = False
    container: str = ""

    def __str__(self) -> str:
        called = f"{self.name}/{self.container}" if self.container else self.name
        return f"{called} of {self.framework}"


class LabelProblem(NamedTuple):
    """Why something that a label asks for is not there; `rule` and `remedy` are sentences' ends for people."""

    label: str
    value: str
    """As written, cut short; it is public, labels hold names of secrets and never secrets."""
    rule: str
    remedy: str = ""


class Option(NamedTuple):
    """The value of one field of a frontend or backend, and the label that asks for it."""

    value: object
    """As the field of `scheduler.pools.model` holds it."""
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one group of labels asks for: a share of a frontend, and a backend that is called like the group."""

    group: str = DEFAULT_GROUP
    port: int
    """At which the frontend listens; frontends are told apart by it."""
    frontend: tuple[tuple[str, Option], ...] = ()
    """By fields of Frontend, in their order, only what labels say (or `protocol`, which is always known); without
    `bind_port` and `link_backend`."""
    rules: tuple[MapRule, ...] = ()
    """With the group as their backend; empty where the frontend has no rules (TCP, TLS)."""
    rules_label: str = ""
    weight: int = 0
    """Of the rules for one host those with more are looked at first, whatever they ask for. 0 stands for 1 where a rule
    asks for a path, else for 0."""
    redirects: tuple[Redirect, ...] = ()
    """Of requests that come to `rules` alone; they are answered before rules are looked at."""
    backend: tuple[tuple[str, Option], ...] = ()
    """By fields of Backend, as in `frontend`; without `name` and `services`."""
    endpoint: Endpoint = field(default_factory=Endpoint)
    endpoint_label: str = ""
    percent: int | None = None
    """Its share of the backend's requests, where the backend is split between several applications."""
    secrets: tuple[str, ...] = ()
    """Names in the store of secrets that `certificates` (or another field) name; secret_files.py names their files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What all labels of a task say: under which pool template it is, what it asks for, and what cannot be.

    `claims` are those that can be; one with a problem is not among them. Several of one application may have the same
    group: then they share its backend. `not_applied` are labels without an effect, which cost no claim.
    """

    template: str = DEFAULT_TEMPLATE
    claims: tuple[Claim, ...] = ()
    problems: tuple[LabelProblem, ...] = ()
    not_applied: tuple[LabelProblem, ...] = ()
