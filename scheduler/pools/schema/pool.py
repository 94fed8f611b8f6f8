"""The V2 form of a pool as a whole."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, post_load

from scheduler.pools import checks
from scheduler.pools.fields import Choice, Flag, Items, ItemsAgain, NotYet, Number, Strict, Text, Whole, nested
from scheduler.pools.messages import problems_of
from scheduler.pools.model import DEFAULT_CONSTRAINTS, Haproxy, HealthCheck, Pool, PoolType, Relaunch
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.schema.backend import BackendSchema
from scheduler.pools.schema.frontend import FrontendSchema, StatsSchema
from scheduler.pools.schema.material import Environment, SecretSchema
from scheduler.pools.schema.network import VirtualNetworkSchema
from scheduler.pools.words import texts
from scheduler.pools.words.constraints import BadConstraint, parse_constraints


class TypeOfPool(Choice):
    """Shown of every pool; whoever sends one may only say what it is without saying."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PoolType, metadata={"readOnly": True}, **kwargs)

    def read(self, value: Any) -> Any:
        if value != PoolType.STATIC.value:
            made = "pools of type template-dynamic are made from the labels of applications"
            raise ValidationError(f"must be static, or not be there: {made}")
        return PoolType.STATIC


class HaproxySchema(Strict):
    stats = nested(StatsSchema)
    frontends = Items(nested(FrontendSchema))
    backends = ItemsAgain(nested(BackendSchema))

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """Backends that are repeated word for word are one backend: files of the old product hold such."""
        kept = super().make(data)
        if "backends" in kept:
            kept["backends"] = tuple(dict.fromkeys(kept["backends"]))
        return Haproxy(**kept)


class PoolSchema(Strict):
    apiVersion = NotYet("V2", rule="must be V2 here; pools of version 1 are at v1/loadbalancers")  # noqa: N815 - the JSON name
    type = TypeOfPool()
    name = Text(texts.pool_name, required=True)
    namespace = Text(texts.namespace, nullable=True)
    package_name = Text(texts.package_name, data_key="packageName")
    package_version = Text(texts.package_version, data_key="packageVersion")
    role = Text(texts.role)
    principal = Text(texts.principal, nullable=True)
    secret_name = Text(texts.secret_name, nullable=True, data_key="secretName")
    # The executor's own share comes out of the task's, see service.py: something has to be left for HAProxy.
    cpus = Number(0.02, 1024)
    cpus_admin_overhead = Number(0, 1024, data_key="cpusAdminOverhead")
    mem = Whole(64, 1 << 22)
    mem_admin_overhead = Whole(0, 1 << 22, data_key="memAdminOverhead")
    disk = Whole(0, 1 << 30)
    count = Whole(0, 1000)
    constraints = Text(texts.constraints_text, nullable=True)
    ports = Items(Whole(1, 65535))
    secrets = Items(nested(SecretSchema))
    environment = Environment(data_key="environmentVariables")
    auto_certificate = Flag(data_key="autoCertificate")
    container_image = Text(texts.image, data_key="containerImage")
    networks = Items(nested(VirtualNetworkSchema), data_key="virtualNetworks")
    relaunch = Choice(Relaunch)
    drain_time = Whole(0, 3600, data_key="drainTime")
    grace = Whole(1, 86400, data_key="poolHealthcheckGracePeriod", attribute="healthcheck.grace_period")
    interval = Whole(1, 86400, data_key="poolHealthcheckInterval", attribute="healthcheck.interval")
    max_fail = Whole(1, 10000, data_key="poolHealthcheckMaxFail", attribute="healthcheck.max_fail")
    timeout = Whole(2, 86400, data_key="poolHealthcheckTimeout", attribute="healthcheck.timeout")
    cloudProvider = NotYet({})  # noqa: N815 - the JSON name
    haproxy = nested(HaproxySchema)

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
    return {"apiVersion": "V2", **full}
