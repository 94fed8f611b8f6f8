"""The V2 JSON form of a pool: from JSON to `Pool` with every documented default, and back.

Knows the fields, their bounds, and which documented fields are not supported yet: those are refused by name, unless
they hold the value they have when absent, so that files with every default written out still load. Defaults are the
model's. Rules across objects are in checks.py.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load

from scheduler.pools import checks, health_check, server_words, texts
from scheduler.pools.constraints import BadConstraint, parse_constraints
from scheduler.pools.fields import Choice, Flag, Items, NotYet, Number, Strict, Text, Whole
from scheduler.pools.messages import problems_of
from scheduler.pools.model import (
    DEFAULT_ADDRESS,
    DEFAULT_CONSTRAINTS,
    Backend,
    Check,
    CustomCheck,
    Endpoint,
    EndpointType,
    Frontend,
    Haproxy,
    HealthCheck,
    LinkBackend,
    MapRule,
    MarathonSelector,
    MesosSelector,
    Pool,
    Protocol,
    Service,
    Stats,
)
from scheduler.pools.patterns import pattern_problem
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.rewrite import RewriteHttp, RewritePath, RewriteRequest, RewriteResponse

_TLS = frozenset({Protocol.HTTPS, Protocol.TLS})


def _nested(schema: type[Strict], data_key: str | None = None) -> Any:
    return fields.Nested(schema, data_key=data_key)


class CheckSchema(Strict):
    MODEL = Check
    enabled = Flag()
    custom_str = Text(server_words.check_problem, data_key="customStr")


class EndpointSchema(Strict):
    MODEL = Endpoint
    type = Choice(EndpointType)
    address = Text(texts.server_address, normal=texts.without_root_dot)
    port = Whole(1, 65535, unset=-1)
    port_name = Text(texts.plain, data_key="portName")
    all_ports = Flag(data_key="allPorts")
    trust_announced = Flag(data_key="trustAnnounced")
    check = _nested(CheckSchema)
    misc_str = Text(server_words.misc_problem, data_key="miscStr")


class MarathonSchema(Strict):
    MODEL = MarathonSelector
    service_id = Text(texts.plain, data_key="serviceID")
    service_id_pattern = Text(pattern_problem, data_key="serviceIDPattern")
    container_name = Text(texts.plain, data_key="containerName")
    container_name_pattern = Text(pattern_problem, data_key="containerNamePattern")


class MesosSchema(Strict):
    MODEL = MesosSelector
    framework_name = Text(texts.plain, data_key="frameworkName")
    framework_name_pattern = Text(pattern_problem, data_key="frameworkNamePattern")
    framework_id = Text(texts.plain, data_key="frameworkID")
    framework_id_pattern = Text(pattern_problem, data_key="frameworkIDPattern")
    task_name = Text(texts.plain, data_key="taskName")
    task_name_pattern = Text(pattern_problem, data_key="taskNamePattern")
    task_id = Text(texts.plain, data_key="taskID")
    task_id_pattern = Text(pattern_problem, data_key="taskIDPattern")


class ServiceSchema(Strict):
    MODEL = Service
    # As version 1 of the API called it.
    MEANT = {"framework": "mesos.frameworkName"}  # noqa: RUF012 - declared as a class variable in Strict
    marathon = _nested(MarathonSchema)
    mesos = _nested(MesosSchema)
    endpoint = _nested(EndpointSchema)


class RewriteRequestSchema(Strict):
    MODEL = RewriteRequest
    forwardfor = Flag()
    x_forwarded_port = Flag(data_key="xForwardedPort")
    x_forwarded_proto_https_if_tls = Flag(data_key="xForwardedProtoHttpsIfTls")
    set_host_header = Flag(data_key="setHostHeader")
    rewrite_path = Flag(data_key="rewritePath")


class RewriteResponseSchema(Strict):
    MODEL = RewriteResponse
    rewrite_location = Flag(data_key="rewriteLocation")


class RewritePathSchema(Strict):
    MODEL = RewritePath
    from_path = Text(texts.path, data_key="fromPath")
    to_path = Text(texts.path, data_key="toPath")


class StickySchema(Strict):
    # `{}` already switches stickiness on, so only an explicit `enabled: false` is the same as absent.
    enabled = NotYet(False, required=True, error_messages={"required": "not supported yet"})
    customStr = NotYet("")  # noqa: N815 - the JSON name


class RewriteHttpSchema(Strict):
    MODEL = RewriteHttp
    host = Text(texts.host_header, normal=texts.normal_host)
    path = _nested(RewritePathSchema)
    sticky = fields.Nested(StickySchema, load_only=True)
    request = _nested(RewriteRequestSchema)
    response = _nested(RewriteResponseSchema)


class CustomCheckSchema(Strict):
    MODEL = CustomCheck
    httpchk = Flag()
    httpchk_misc_str = Text(health_check.request_problem, data_key="httpchkMiscStr")
    ssl_hello_chk = Flag(data_key="sslHelloChk")
    misc_str = Text(health_check.line_problem, data_key="miscStr")


class BackendSchema(Strict):
    MODEL = Backend
    MEANT = {"request": "rewriteHttp.request", "response": "rewriteHttp.response"}  # noqa: RUF012 - as above
    name = Text(texts.link_name, required=True)
    protocol = Choice(Protocol)
    balance = Text(texts.balance)
    rewrite_http = _nested(RewriteHttpSchema, "rewriteHttp")
    custom_check = _nested(CustomCheckSchema, "customCheck")
    miscStrs = NotYet([])  # noqa: N815 - the JSON name
    services = Items(_nested(ServiceSchema))


class MapRuleSchema(Strict):
    MODEL = MapRule
    backend = Text(texts.link_name, required=True)
    host_eq = Text(texts.host_eq, normal=texts.normal_host, data_key="hostEq")
    path_beg = Text(texts.path, data_key="pathBeg")
    hostReg = NotYet("")  # noqa: N815 - the JSON name
    pathEnd = NotYet("")  # noqa: N815 - the JSON name
    pathReg = NotYet("")  # noqa: N815 - the JSON name


class LinkBackendSchema(Strict):
    MODEL = LinkBackend
    default_backend = Text(texts.link_name, data_key="defaultBackend")
    map = Items(_nested(MapRuleSchema))


class FrontendSchema(Strict):
    name = Text(texts.link_name)
    bind_address = Text(texts.bind_address, data_key="bindAddress")
    bind_port = Whole(0, 65535, data_key="bindPort")
    bindModifier = NotYet("")  # noqa: N815 - the JSON name
    certificates = NotYet([])
    redirectToHttps = NotYet()  # noqa: N815 - the JSON name; even `{}` switches it on
    miscStrs = NotYet([])  # noqa: N815 - the JSON name
    protocol = Choice(Protocol, not_yet=_TLS)
    link_backend = _nested(LinkBackendSchema, "linkBackend")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """A frontend without a name is called after its address and port."""
        kept = super().make(data)
        kept.setdefault(
            "name", Frontend.default_name(kept.get("bind_address", DEFAULT_ADDRESS), kept.get("bind_port", 0))
        )
        return Frontend(**kept)


class StatsSchema(Strict):
    MODEL = Stats
    bind_address = Text(texts.bind_address, data_key="bindAddress")
    bind_port = Whole(0, 65535, data_key="bindPort")


class HaproxySchema(Strict):
    stats = _nested(StatsSchema)
    frontends = Items(_nested(FrontendSchema))
    backends = Items(_nested(BackendSchema))

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """Backends that are repeated word for word are one backend: files of the old product hold such."""
        kept = super().make(data)
        if "backends" in kept:
            kept["backends"] = tuple(dict.fromkeys(kept["backends"]))
        return Haproxy(**kept)


class PoolSchema(Strict):
    apiVersion = NotYet("V2", rule="must be V2 here; pools of version 1 are at v1/loadbalancers")  # noqa: N815 - the JSON name
    type = NotYet("static", rule="must be static; auto pools do not exist yet")
    name = Text(texts.pool_name, required=True)
    namespace = Text(texts.namespace, nullable=True)
    package_name = Text(texts.package_name, data_key="packageName")
    package_version = Text(texts.package_version, data_key="packageVersion")
    role = Text(texts.role)
    principal = NotYet("")
    secretName = NotYet("")  # noqa: N815 - the JSON name
    # The executor's own share comes out of the task's, see service.py: something has to be left for HAProxy.
    cpus = Number(0.02, 1024)
    cpus_admin_overhead = Number(0, 1024, data_key="cpusAdminOverhead")
    mem = Whole(64, 1 << 22)
    mem_admin_overhead = Whole(0, 1 << 22, data_key="memAdminOverhead")
    disk = Whole(0, 1 << 30)
    count = Whole(0, 1000)
    constraints = Text(texts.constraints_text, nullable=True)
    ports = Items(Whole(1, 65535))
    secrets = NotYet([])
    environmentVariables = NotYet({})  # noqa: N815 - the JSON name
    autoCertificate = NotYet(False)  # noqa: N815 - the JSON name
    virtualNetworks = NotYet([])  # noqa: N815 - the JSON name
    grace = Whole(1, 86400, data_key="poolHealthcheckGracePeriod", attribute="healthcheck.grace_period")
    interval = Whole(1, 86400, data_key="poolHealthcheckInterval", attribute="healthcheck.interval")
    max_fail = Whole(1, 10000, data_key="poolHealthcheckMaxFail", attribute="healthcheck.max_fail")
    timeout = Whole(2, 86400, data_key="poolHealthcheckTimeout", attribute="healthcheck.timeout")
    cloudProvider = NotYet({})  # noqa: N815 - the JSON name
    haproxy = _nested(HaproxySchema)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Pool:
        """The pool, if its constraints mean something."""
        kept = super().make(data)
        if "healthcheck" in kept:
            kept["healthcheck"] = HealthCheck(**kept["healthcheck"])
        try:
            parse_constraints(kept.get("constraints", DEFAULT_CONSTRAINTS))
        except BadConstraint as error:
            raise ValidationError(str(error), "constraints") from error
        return Pool(**kept)


_POOL = PoolSchema()


def load_pool(data: object) -> Pool:
    """The pool that somebody asks for in JSON, defaults filled in. Raises InvalidPool with every problem found."""
    if isinstance(data, Mapping) and isinstance(data.get("pools"), list) and "haproxy" not in data:
        # What else is missing in a file of the old form would hide that it is one.
        rule = "a list of pools is of version 1: create each at v1/loadbalancers, or replace all of them at v1/all"
        raise InvalidPool((Problem(path="pool.pools", rule=rule),))
    try:
        pool: Pool = _POOL.load(data)  # type: ignore[arg-type]  # anything may come; what is no object is refused by the schema
    except ValidationError as error:
        raise InvalidPool(problems_of(error.messages, data)) from None
    broken = InvalidPool(checks.pool_problems(pool))
    if broken.problems:
        raise broken
    return pool


def dump_pool(pool: Pool) -> dict[str, Any]:
    """The pool in the V2 shape with every supported field written out, as the API takes it."""
    full: dict[str, Any] = _POOL.dump(pool)
    return {"apiVersion": "V2", "type": "static", **full}
