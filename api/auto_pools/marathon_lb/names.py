"""The names of Marathon-LB's labels, `HAPROXY_GROUP` and `HAPROXY_<n>_...`: which port each is about, and which have no
effect here. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from api.auto_pools.claim import LabelProblem
from api.mesos_listener.task import Labels
from scheduler.pools.problems import shown

PREFIX = "HAPROXY_"
GROUP, DEPLOYMENT_GROUP = "HAPROXY_GROUP", "HAPROXY_DEPLOYMENT_GROUP"

_OF_PORT = re.compile(r"HAPROXY_([0-9]{1,4})_([A-Z0-9_]+)")
#: For those who make deployments, and not for load balancers.
_OF_DEPLOYMENT = re.compile(r"HAPROXY_DEPLOYMENT_(COLOUR|STARTED_AT|TARGET_INSTANCES|NEW_INSTANCES|ALT_PORT)")
_READ = frozenset(
    {"AUTH", "BACKEND_NETWORK_ALLOWED_ACL", "BACKEND_WEIGHT", "BALANCE", "BIND_ADDR", "ENABLED", "GROUP"}
    | {"HTTP_BACKEND_PROXYPASS_PATH", "HTTP_BACKEND_REDIR", "HTTP_BACKEND_REVPROXY_PATH", "MODE", "PATH", "PORT"}
    | {"REDIRECT_TO_HTTPS", "SSL_CERT", "STICKY", "USE_HSTS", "VHOST"}
)


class PortLabels(NamedTuple):
    """What is said of the port with this number, counted from 0."""

    number: int
    texts: Mapping[str, str]

    def label(self, name: str) -> str:
        """As it is written."""
        return f"{PREFIX}{self.number}_{name}"

    def text(self, name: str) -> str:
        """`""` where nothing is said."""
        return self.texts.get(name, "")

    def says(self, name: str) -> bool:
        """Whether something is switched on."""
        return self.text(name).lower() in ("true", "t", "yes", "y", "on", "1")

    @property
    def enabled(self) -> bool:
        """It is, unless somebody says otherwise."""
        return not self.text("ENABLED") or self.says("ENABLED")


class Names(NamedTuple):
    """All labels of a task."""

    texts: Mapping[str, str]
    ports: tuple[PortLabels, ...]
    """In their order; the first port where no label names one."""
    not_applied: tuple[LabelProblem, ...]

    def groups(self, port: PortLabels) -> frozenset[str]:
        """The load balancers that serve the port."""
        named = port.text("GROUP") or self.texts.get(GROUP, "")
        return frozenset(name.strip() for name in named.split(",")) - {""}


def read_names(labels: Labels) -> Names:
    """The labels whose names begin with HAPROXY_, taken apart."""
    texts = {label: text.strip() for label, text in labels if label.startswith(PREFIX)}
    ports: dict[int, dict[str, str]] = {}
    for label, text in texts.items():
        if (found := _OF_PORT.fullmatch(label)) and found[2] in _READ:
            ports.setdefault(int(found[1]), {})[found[2]] = text
    named = tuple(PortLabels(number, ports[number]) for number in sorted(ports))
    return Names(texts, named or (PortLabels(0, {}),), tuple(_not_applied(texts)))


def _not_applied(texts: Mapping[str, str]) -> Iterator[LabelProblem]:
    for label, text in texts.items():
        found = _OF_PORT.fullmatch(label)
        if (found and found[2] in _READ) or label in (GROUP, DEPLOYMENT_GROUP) or _OF_DEPLOYMENT.fullmatch(label):
            continue
        rule = "is not applied: applications say nothing in HAProxy's own words here"
        remedy = "perhaps a label edgelb.<group>... says the same; docs/reference/auto-pool-labels.md has all"
        yield LabelProblem(shown(label) or "", shown(text) or "", rule, remedy)
