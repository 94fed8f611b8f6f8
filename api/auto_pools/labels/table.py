"""The labels of a group: which field of a pool each is, and how its value is written. Pure.

`edgelb.<group>.frontend.hsts.maxAge` is the row `hsts.maxAge` of the frontend. A field becomes a label by a line here;
what its value may be is what the pool's own schema says. What a single application must not say for all others of a
frontend or of an instance is no label: lines in HAProxy's words, where a listener binds, `minimumServers`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from marshmallow import fields as marshmallow

from scheduler.pools.fields import Flag, Items, Number, Whole
from scheduler.pools.schema import BackendSchema, FrontendSchema
from scheduler.pools.schema.service import ServiceSchema


class Section(StrEnum):
    """The two halves of a group."""

    FRONTEND = "frontend"
    BACKEND = "backend"


class Form(StrEnum):
    """How a value is written."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "true or false"
    LIST = "list"
    OBJECT = "object"
    OBJECTS = "list of objects"
    SECRET = "name of a secret"  # noqa: S105 - it is none
    SECRETS = "list of names of secrets, and `$AUTOCERT`"
    SWITCH = "empty, or text"
    SWITCH_LIST = "empty, or a list"
    SWITCH_OBJECT = "empty, or an object"
    SWITCH_OBJECTS = "empty, or a list of objects"
    PAIR = "one pair `<from>:<to>`"


class Row(NamedTuple):
    """A label of a section."""

    section: Section
    name: str
    """Behind `edgelb.<group>.<section>.`."""
    path: tuple[str, ...]
    """Where the value stands in the V2 form of a frontend or of a backend; `endpoint` and `percent` are a service's."""
    field: marshmallow.Field[Any]
    """That of the schema at `path`."""
    form: Form

    @property
    def is_hidden(self) -> bool:
        """Whether texts are not shown to others: they hold hashes of passwords."""
        return self.path[0] == "basicAuth"

    @property
    def restricts(self) -> bool:
        """Whether it lets fewer clients in: an empty text is a mistake then, and must not let in all."""
        return self.name in ("clients.allow", "clients.deny", "basicAuth.users", "tls.clientCertificates.ca")

    @property
    def label(self) -> str:
        """As pages show it."""
        return f"edgelb.<group>.{self.section}.{self.name}"


_SERVICE = ServiceSchema().fields
FIELDS: Mapping[Section, Mapping[str, marshmallow.Field[Any]]] = {
    Section.FRONTEND: {field.data_key or name: field for name, field in FrontendSchema().fields.items()},
    Section.BACKEND: {
        **{field.data_key or name: field for name, field in BackendSchema().fields.items()},
        **{name: _SERVICE[name] for name in ("endpoint", "percent")},
    },
}
"""The fields of the V2 form at the top of each section, by their names there."""


def _row(section: Section, name: str, path: str = "", form: Form | None = None) -> Row:
    steps = tuple((path or name).split("."))
    field = FIELDS[section][steps[0]]
    for step in steps[1:]:
        assert isinstance(field, marshmallow.Nested), name
        field = next(one for key, one in field.schema.fields.items() if (one.data_key or key) == step)
    return Row(section, name, steps, field, form or _form(field))


def _form(field: marshmallow.Field[Any]) -> Form:
    match field:
        case Flag():
            return Form.FLAG
        case Whole() | Number():
            return Form.NUMBER
        case Items(inner=marshmallow.Nested()):
            return Form.OBJECTS
        case Items():
            return Form.LIST
        case marshmallow.Nested():
            return Form.OBJECT
        case _:
            return Form.TEXT


def _frontend(name: str, path: str = "", form: Form | None = None) -> Row:
    return _row(Section.FRONTEND, name, path, form)


def _backend(name: str, path: str = "", form: Form | None = None) -> Row:
    return _row(Section.BACKEND, name, path, form)


ROWS = (
    _frontend("certificates", form=Form.SECRETS),
    _frontend("port", "bindPort"),
    _frontend("protocol"),
    _frontend("redirectToHttps", form=Form.SWITCH_OBJECTS),
    _frontend("redirectToHttps.except"),
    _frontend("redirectToHttps.port"),
    _frontend("redirectToHttps.code"),
    _frontend("rules", "linkBackend.map"),
    _frontend("redirects"),
    _frontend("tls.policy"),
    _frontend("tls.http2"),
    _frontend("tls.clientCertificates.ca", form=Form.SECRET),
    _frontend("tls.clientCertificates.verify"),
    _frontend("clients.allow"),
    _frontend("clients.deny"),
    _frontend("acceptProxy", form=Form.SWITCH_LIST),
    _frontend("acceptProxy.from"),
    _frontend("limits"),
    _frontend("limits.connections"),
    _frontend("limits.connectionsPerClient"),
    _frontend("limits.requestBytes"),
    _frontend("limits.requestsPerClient"),
    _frontend("limits.requestsPerClient.count"),
    _frontend("limits.requestsPerClient.period"),
    _frontend("timeouts"),
    _frontend("timeouts.client"),
    _frontend("timeouts.httpRequest"),
    _frontend("timeouts.httpKeepAlive"),
    _frontend("requestHeaders"),
    _frontend("responseHeaders"),
    _frontend("hsts", form=Form.SWITCH_OBJECT),
    _frontend("hsts.maxAge"),
    _frontend("hsts.includeSubDomains"),
    _frontend("hsts.preload"),
    _frontend("compression", form=Form.SWITCH_LIST),
    _frontend("compression.types"),
    _backend("balance"),
    _backend("portName", "endpoint.portName"),
    _backend("protocol"),
    _backend("percent"),
    _backend("endpoint"),
    _backend("endpoint.type"),
    _backend("endpoint.address"),
    _backend("endpoint.port"),
    _backend("endpoint.portName"),
    _backend("endpoint.allPorts"),
    _backend("endpoint.weight"),
    _backend("endpoint.backup"),
    _backend("endpoint.maxConnections"),
    _backend("endpoint.slowStart"),
    _backend("endpoint.proxyProtocol"),
    _backend("endpoint.miscStr"),
    _backend("endpoint.check"),
    _backend("endpoint.check.enabled"),
    _backend("endpoint.check.customStr"),
    _backend("http2"),
    _backend("tls.serverName"),
    _backend("tls.ca", form=Form.SECRET),
    _backend("tls.verifyHost"),
    _backend("tls.certificate", form=Form.SECRET),
    _backend("rewriteHttp.host"),
    _backend("rewriteHttp.path", form=Form.PAIR),
    _backend("rewriteHttp.path.fromPath"),
    _backend("rewriteHttp.path.toPath"),
    _backend("rewriteHttp.sticky", form=Form.SWITCH),
    _backend("rewriteHttp.sticky.enabled"),
    _backend("rewriteHttp.sticky.customStr"),
    _backend("rewriteHttp.request"),
    _backend("rewriteHttp.request.forwardfor"),
    _backend("rewriteHttp.request.xForwardedPort"),
    _backend("rewriteHttp.request.xForwardedProtoHttpsIfTls"),
    _backend("rewriteHttp.request.setHostHeader"),
    _backend("rewriteHttp.request.rewritePath"),
    _backend("rewriteHttp.response"),
    _backend("rewriteHttp.response.rewriteLocation"),
    _backend("rewriteHttp.response.rewriteCookiePath"),
    _backend("customCheck"),
    _backend("customCheck.httpchk"),
    _backend("customCheck.httpchkMiscStr"),
    _backend("customCheck.sslHelloChk"),
    _backend("customCheck.miscStr"),
    _backend("clients.allow"),
    _backend("clients.deny"),
    _backend("basicAuth.users"),
    _backend("basicAuth.realm"),
    _backend("requestHeaders"),
    _backend("responseHeaders"),
    _backend("timeouts"),
    _backend("timeouts.connect"),
    _backend("timeouts.server"),
    _backend("timeouts.queue"),
    _backend("timeouts.tunnel"),
    _backend("timeouts.check"),
    _backend("retries"),
    _backend("retries.count"),
    _backend("retries.on"),
    _backend("retries.methods"),
)

TABLE: Mapping[tuple[str, str], Row] = {(row.section, row.name): row for row in ROWS}
"""By section and name."""
