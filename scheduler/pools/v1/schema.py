"""The V1 JSON form of a pool: from JSON to `Pool` with every documented default, and back.

Knows only what version 1 writes in another way than version 2, whose schema it goes on from: fields that are not
supported there are not supported here either, and come with it. Problems carry the paths of version 1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_dump

from scheduler.pools import checks
from scheduler.pools.fields import Choice, Flag, Items, ItemsAgain, NotYet, Strict, Text, Whole
from scheduler.pools.messages import problems_of
from scheduler.pools.model import ApiVersion, Endpoint, Pool, Service
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.schema import BackendSchema, EndpointSchema, FrontendSchema, HaproxySchema, PoolSchema
from scheduler.pools.v1.paths import v1_path
from scheduler.pools.v1.servers import Match, Name, Server, ServerPort, ServerType
from scheduler.pools.words import texts

CONFIG = "config"
"""How paths of problems with a whole configuration begin."""


def _named(schema: type[Schema], *keys: str) -> tuple[str, ...]:
    """The fields of the schema that are called so in JSON."""
    return tuple(name for name, field in schema().fields.items() if (field.data_key or name) in keys)


class V1NameSchema(Strict):
    MODEL = Name
    value = Text(texts.plain)
    match = Choice(Match)


class V1ServerPortSchema(Strict):
    MODEL = ServerPort
    name = Text(texts.plain)
    all = Flag()
    vip = Text(texts.plain)


class V1ServerSchema(EndpointSchema):
    MODEL = None  # type: ignore[assignment]  # what is loaded is no endpoint but a service

    class Meta(EndpointSchema.Meta):
        """Version 1 has one object for each of these, or no word for it."""

        exclude = _named(EndpointSchema, "address", "portName", "allPorts")

    type = Choice(ServerType)
    framework = fields.Nested(V1NameSchema)
    task = fields.Nested(V1NameSchema)
    port = fields.Nested(V1ServerPortSchema)  # type: ignore[assignment]  # an object here, a number there

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Service:
        """The service, if the server's fields fit each other."""
        kept = super().make(data)
        server = Server(**{field.name: kept.pop(field.name) for field in fields_of(Server) if field.name in kept})
        messages: dict[str, Any] = {}
        for path, rule in server.problems():
            at = messages
            for key in path:
                at = at.setdefault(key, {})
            at["_schema"] = [rule]
        if messages:
            raise ValidationError(messages)
        return server.service(Endpoint(**kept))

    @pre_dump
    def shape(self, service: Service, **_: object) -> dict[str, Any]:
        """The attributes that are dumped."""
        server = Server.of(service)
        endpoint = {field.name: getattr(service.endpoint, field.name) for field in fields_of(Endpoint)}
        return endpoint | {field.name: getattr(server, field.name) for field in fields_of(Server)}


class V1BackendSchema(BackendSchema):
    # As version 2 of the API calls them.
    MEANT = {"services": "servers"}  # noqa: RUF012 - declared as a class variable in Strict

    class Meta(BackendSchema.Meta):
        """Version 1 calls them servers."""

        exclude = _named(BackendSchema, "services")

    servers = Items(fields.Nested(V1ServerSchema), attribute="services")


class V1FrontendSchema(FrontendSchema):
    # -1 is how version 1 writes that no port was given.
    bind_port = Whole(0, 65535, unset=-1, data_key="bindPort")


class V1HaproxySchema(HaproxySchema):
    frontends = Items(fields.Nested(V1FrontendSchema))
    backends = ItemsAgain(fields.Nested(V1BackendSchema))


class V1PoolSchema(PoolSchema):
    class Meta(PoolSchema.Meta):
        """They came with version 2."""

        exclude = _named(PoolSchema, "principal", "secretName", "cloudProvider")

    apiVersion = NotYet("V1", rule="must be V1 here; pools of version 2 are at v2/pools")  # noqa: N815 - the JSON name
    type = NotYet("static", rule="must be static")  # type: ignore[assignment]  # version 1 does not show it
    haproxy = fields.Nested(V1HaproxySchema)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Pool:
        """The pool, which is shown in the form in which it was written."""
        pool: Pool = super().make(data)
        return replace(pool, api_version=ApiVersion.V1)


_POOL = V1PoolSchema()


def load_v1_pool(data: object) -> Pool:
    """The pool that somebody asks for in JSON, defaults filled in. Raises InvalidPool with every problem found."""
    try:
        pool: Pool = _POOL.load(data)  # type: ignore[arg-type]  # anything may come; what is no object is refused by the schema
    except ValidationError as error:
        raise InvalidPool(problems_of(error.messages, data)) from None
    broken = InvalidPool(replace(problem, path=v1_path(problem.path)) for problem in checks.pool_problems(pool))
    if broken.problems:
        raise broken
    return pool


def load_v1_config(data: object) -> tuple[Pool, ...]:
    """The pools of `{"pools": [...]}`. Raises InvalidPool with the problems of all of them."""
    if not isinstance(data, Mapping) or not isinstance(data.get("pools"), list):
        raise InvalidPool((Problem(path=CONFIG, rule='must be an object of the form {"pools": [...]}'),))
    pools: dict[str, Pool] = {}
    problems: list[Problem] = [
        Problem(path=f"{CONFIG}.{name}", rule="unknown field; known are pools", keys=(name,))
        for name, value in data.items()
        if name != "pools" and value is not None
    ]
    more = 0
    for index, item in enumerate(data["pools"]):
        try:
            pool = load_v1_pool(item)
        except InvalidPool as error:
            problems += _within(error, index)
            more += error.more
            continue
        if pool.name in pools:
            rule = "is also the name of another pool of the list"
            problems.append(Problem(path=f"{CONFIG}.pools[{index}].name", value=pool.name, rule=rule))
        pools[pool.name] = pool
    if problems:
        raise InvalidPool(problems, more)
    return tuple(pools.values())


def _within(error: InvalidPool, index: int) -> Iterator[Problem]:
    """The problems of one pool as those of the configuration."""
    for problem in error.problems:
        keys = None if problem.keys is None else ("pools", index, *problem.keys)
        path = f"{CONFIG}.pools[{index}]{problem.path.removeprefix('pool')}"
        yield replace(problem, path=path, keys=keys)


def dump_v1_pool(pool: Pool) -> dict[str, Any]:
    """The pool in the V1 shape with every supported field written out, as the API takes it."""
    full: dict[str, Any] = _POOL.dump(pool)
    return {"apiVersion": "V1", **full}
