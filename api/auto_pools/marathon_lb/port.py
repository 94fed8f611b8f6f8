"""What Marathon-LB's labels say of one port of an application, as claims. Pure.

Knows what the documented labels mean and what of it a pool can say. Does not know service ports, which Marathon tells
nobody but its own clients: those of a virtual host come to 80 and 443, others to the port that a label names.
"""

import ipaddress
import posixpath
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from api.auto_pools.claim import Claim, LabelProblem, Option
from api.auto_pools.labels.document import Document, Said, options
from api.auto_pools.labels.redirects import to_https
from api.auto_pools.labels.rules import condition, everything
from api.auto_pools.labels.separators import Unreadable
from api.auto_pools.labels.table import Section
from api.auto_pools.marathon_lb.names import PortLabels
from api.auto_pools.secret_files import path_of
from scheduler.pools.model import AUTOCERT, Endpoint, MapRule, Protocol
from scheduler.pools.model.redirect import Redirect, RedirectToHttps
from scheduler.pools.problems import shown
from scheduler.pools.words import file_names

_HTTP, _HTTPS = 80, 443
_PORT, _LARGEST_PORT = re.compile("[1-9][0-9]{0,4}"), 65_535
_WEIGHT = re.compile("-?[0-9]{1,6}")
_HSTS = {"name": "Strict-Transport-Security", "value": "max-age=15768000"}
_EVERYWHERE = ("", "*", "0.0.0.0", "::")
_USER = re.compile(r"(?P<realm>[^:]*):(?P<name>[^:]*):(?P<passwordHash>[^:]*)")
_TO_HTTPS = RedirectToHttps()


class _Front(NamedTuple):
    """A share of a frontend."""

    port: int
    protocol: Protocol
    rules: tuple[MapRule, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    weight: int = 0


class Port:
    """Reads the labels of one port; `group` is the name of its backend."""

    def __init__(self, labels: PortLabels, group: str, endpoint: Endpoint) -> None:
        self._labels = labels
        self._group = group
        self._endpoint = endpoint
        self.problems: list[LabelProblem] = []

    def claims(self) -> tuple[Claim, ...]:
        """None where there is a problem."""
        mode = self._labels.text("MODE").lower() or ("http" if self._labels.text("VHOST") else "tcp")
        if mode not in ("http", "tcp"):
            self._refuse("MODE", "must be http or tcp")
        if self._labels.text("BIND_ADDR") not in _EVERYWHERE:
            # Whoever cannot follow what lets fewer clients in must not expose the port.
            rule = "would listen at one address alone, which single applications cannot do here"
            self._refuse("BIND_ADDR", rule, "expose it by a pool of its own, or remove the label")
        secrets = self._secrets()
        backend = self._backend(http=mode == "http")
        fronts = self._fronts(http=mode == "http", tls=bool(secrets))
        if self.problems:
            return ()
        return tuple(self._claim(front, backend, secrets) for front in fronts)

    def _claim(self, front: _Front, backend: tuple[tuple[str, Option], ...], secrets: Sequence[str]) -> Claim:
        label = self._labels.label
        named = {"protocol": Option(front.protocol, label("MODE"))}
        if front.protocol.is_tls:
            files = tuple(path_of(secret) for secret in secrets) or (AUTOCERT,)
            named["certificates"] = Option(files, label("SSL_CERT"))
        return Claim(
            group=self._group,
            port=front.port,
            frontend=options(Section.FRONTEND, named),
            rules=front.rules,
            rules_label=label("VHOST"),
            weight=front.weight,
            redirects=front.redirects,
            backend=backend,
            endpoint=self._endpoint,
            endpoint_label=label("PORT"),
            secrets=tuple(secrets) if front.protocol.is_tls else (),
        )

    def _refuse(self, name: str, rule: str, remedy: str = "") -> None:
        label, text = self._labels.label(name), self._labels.text(name)
        self.problems.append(LabelProblem(label, (text and shown(text)) or "", rule, remedy))

    # -- the backend

    def _backend(self, *, http: bool) -> tuple[tuple[str, Option], ...]:
        document = Document(Section.BACKEND)
        protocol = Protocol.HTTP if http else Protocol.TCP
        document.put(self._said("MODE", "protocol"), protocol)
        if self._labels.text("BALANCE"):
            document.put(self._said("BALANCE", "balance"), self._labels.text("BALANCE"))
        if http:
            self._put_http(document)
        self._put_access(document, http=http)
        values = document.values()
        self.problems += values.problems
        return options(Section.BACKEND, values.by_key)

    def _put_http(self, document: Document) -> None:
        if self._labels.says("STICKY"):
            document.put(self._said("STICKY", "rewriteHttp", "sticky"), {})
        if self._labels.says("USE_HSTS"):
            document.put(self._said("USE_HSTS", "responseHeaders"), [_HSTS])
        asked = self._labels.text("HTTP_BACKEND_PROXYPASS_PATH")
        answered = self._labels.text("HTTP_BACKEND_REVPROXY_PATH")
        if asked and answered and asked.rstrip("/") != answered.rstrip("/"):
            self._refuse("HTTP_BACKEND_REVPROXY_PATH", f"must be {self._labels.label('HTTP_BACKEND_PROXYPASS_PATH')}")
        elif path := asked or answered:
            name = "HTTP_BACKEND_PROXYPASS_PATH" if asked else "HTTP_BACKEND_REVPROXY_PATH"
            document.put(self._said(name, "rewriteHttp", "path"), {"fromPath": path.rstrip("/") or "/", "toPath": "/"})
            if not asked:
                document.put(self._said(name, "rewriteHttp", "request"), {"rewritePath": False})

    def _put_access(self, document: Document, *, http: bool) -> None:
        said = self._said("BACKEND_NETWORK_ALLOWED_ACL", "clients", "allow")
        if networks := re.findall(r"[^\s,]+", said.text):
            document.put(said, [*map(_network, networks)])
        elif said.text:
            document.refuse(said, "names no network")
        if not self._labels.text("AUTH"):
            return
        said = Said(self._labels.label("AUTH"), "", ("basicAuth",))
        user = _USER.fullmatch(self._labels.text("AUTH"))
        if user is None:
            document.refuse(said, "must be <realm>:<user>:<hash of the password>")
        elif not http:
            document.refuse(said, "needs the mode http")
        else:
            asked = {key: user[key] for key in ("name", "passwordHash")}
            document.put(said, {"users": [asked], **({"realm": user["realm"]} if user["realm"] else {})})

    def _said(self, name: str, *path: str) -> Said:
        return Said(self._labels.label(name), self._labels.text(name), path)

    # -- what listens

    def _secrets(self) -> list[str]:
        """Those that are called as the files of certificates are."""
        names = [posixpath.basename(file.strip()) for file in self._labels.text("SSL_CERT").split(",")]
        found = [name for name in names if name]
        for name in found:
            if problem := file_names.secret(name):
                self._refuse("SSL_CERT", f"holds {shown(name)}: the name of a secret {problem}")
        return found

    def _fronts(self, *, http: bool, tls: bool) -> list[_Front]:
        port = self._port()
        hosts = [host.strip() for host in self._labels.text("VHOST").split(",") if host.strip()]
        if not http:
            if hosts:
                self._refuse("VHOST", "needs the mode http", f"set {self._labels.label('MODE')} to http")
            if not port:
                self._refuse_no_port()
            return [_Front(port or 0, Protocol.TLS if tls else Protocol.TCP)]
        if not hosts and not port:
            self._refuse_no_port()
        fronts = self._of_hosts(hosts) if hosts else []
        if port and not (hosts and port in (_HTTP, _HTTPS)):
            fronts.append(_Front(port, Protocol.HTTPS if tls else Protocol.HTTP, everything(self._group)))
        return fronts

    def _port(self) -> int | None:
        text = self._labels.text("PORT")
        if not text:
            return None
        if _PORT.fullmatch(text) and int(text) <= _LARGEST_PORT:
            return int(text)
        self._refuse("PORT", f"must be between 1 and {_LARGEST_PORT}")
        return None

    def _refuse_no_port(self) -> None:
        if not self._labels.text("PORT"):
            rule = "is missing: nobody tells the service port outside of Marathon"
            self._refuse("PORT", rule, "set it to the service port, or name a host in VHOST")

    def _of_hosts(self, hosts: Sequence[str]) -> list[_Front]:
        rules = tuple(rule for host in hosts if (rule := self._rule(host)) is not None)
        redirects: tuple[Redirect, ...] = ()
        if self._labels.says("REDIRECT_TO_HTTPS") and rules:
            redirects = to_https(_TO_HTTPS, rules)
            if not redirects:
                self._refuse("REDIRECT_TO_HTTPS", "needs hosts without * and without a port")
        root, weight = self._root(rules), self._weight()
        return [
            _Front(_HTTP, Protocol.HTTP, rules, redirects or root, weight),
            _Front(_HTTPS, Protocol.HTTPS, rules, root, weight),
        ]

    def _rule(self, host: str) -> MapRule | None:
        conditions: dict[str, Any] = {}
        for name, key, text in (("VHOST", "hostEq", host), ("PATH", "pathBeg", self._labels.text("PATH"))):
            try:
                conditions |= [condition(key, text)]
            except Unreadable as error:
                self._refuse(name, error.rule, error.remedy)
                return None
        return MapRule(backend=self._group, **conditions)

    def _weight(self) -> int:
        text = self._labels.text("BACKEND_WEIGHT")
        if text and not _WEIGHT.fullmatch(text):
            self._refuse("BACKEND_WEIGHT", "must be a whole number")
            return 0
        return int(text or 0)

    def _root(self, rules: Sequence[MapRule]) -> tuple[Redirect, ...]:
        """Where those are sent who ask for nothing but `/`."""
        location = self._labels.text("HTTP_BACKEND_REDIR")
        asked = [
            {"location": location, "hostEq": host, "pathEq": "/", "code": 301}
            for rule in rules
            for host in rule.hosts
            if rule.path_beg in ("", "/")
        ]
        if not location or not asked:
            return ()
        document = Document(Section.FRONTEND)
        document.put(self._said("HTTP_BACKEND_REDIR", "redirects"), asked)
        values = document.values()
        self.problems += values.problems
        found = values.by_key["redirects"].value if not values.problems else ()
        assert isinstance(found, tuple)
        return found


def _network(text: str) -> str:
    """The network that HAProxy would see, which does not mind bits beyond a mask."""
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else text
    except ValueError:
        return text
