"""The JSON form of a policy, as a pool template says it. Pure."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from api.auto_pools.claims.policy import Join, Limits, Policy, Rule
from scheduler.pools.fields import Choice, Items, Strict, Text, Value, Whole, nested
from scheduler.pools.messages import problems_of
from scheduler.pools.model import Backend, Endpoint, Frontend
from scheduler.pools.problems import InvalidPool
from scheduler.pools.stored.sparse import key_of
from scheduler.pools.words import texts
from scheduler.secret_stores import names as secret_names
from sdk.net.network import network_problem

_LARGEST_PORT = 65_535


def _keys(kind: type[Any], *without: str) -> dict[str, str]:
    """Fields by their names in JSON."""
    return {key_of(one.name): one.name for one in dataclasses.fields(kind) if one.name not in without}


_FRONTEND = _keys(Frontend, "bind_port", "link_backend")
_OPTIONS = (
    *(f"frontend.{key}" for key in _FRONTEND),
    *(f"backend.{key}" for key in _keys(Backend, "name", "services")),
    *(f"backend.endpoint.{key}" for key in _keys(Endpoint, "port_name")),
    "backend.percent",
)


class _Ports(Value):
    """A port, or from one to another: `8000-8999`."""

    def read(self, value: Any) -> tuple[int, int]:
        low, dash, high = value.partition("-") if isinstance(value, str) else (value, "", "")
        try:
            ports = int(low), int(high if dash else low)
        except (TypeError, ValueError):
            raise ValidationError("must be a port such as 443, or ports such as 8000-8999") from None
        if isinstance(value, bool | float) or not 1 <= ports[0] <= ports[1] <= _LARGEST_PORT:
            raise ValidationError(f"must be ports between 1 and {_LARGEST_PORT}, the lower one first")
        return ports


def _secret(text: str) -> str | None:
    return secret_names.problem(secret_names.plain(text.removesuffix("/*")))


def _option(text: str) -> str | None:
    if text in _OPTIONS or (text.endswith("*") and any(one.startswith(text[:-1]) for one in _OPTIONS)):
        return None
    return f"is no option that labels have{_meant(text, _OPTIONS)}"


def _address(text: str) -> str | None:
    if text == "*" or network_problem(text) is None or texts.host_name(text) is None:
        return None
    return "must be a host such as db.example.com, *.example.com, a network such as 10.1.0.0/16, or * for all"


def _frontend_field(text: str) -> str | None:
    return None if text in _FRONTEND else f"is no field of a frontend{_meant(text, tuple(_FRONTEND))}"


def _meant(text: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(text[:64], known, n=1)
    return f"; did you mean {near[0]}?" if near else f", such as {known[1]}"


class _RuleSchema(Strict):
    MODEL = Rule
    framework = Text(texts.plain)
    group = Text(texts.plain)
    role = Text(texts.role)
    hosts = Items(Text(texts.host_name, normal=texts.normal_host, required=True))
    paths = Items(Text(texts.path, required=True))
    ports = Items(_Ports())
    secrets = Items(Text(_secret, normal=secret_names.plain, required=True))
    options = Items(Text(_option, required=True))
    addresses = Items(Text(_address, normal=texts.normal_host, required=True))
    join = Choice(Join)


class _LimitsSchema(Strict):
    MODEL = Limits
    claims = Whole(0, 1000)
    rules = Whole(0, 10_000)
    certificates = Whole(0, 1000)
    tried_rules = Whole(0, 1000, data_key="triedRules")
    ports = Whole(0, 1000)
    all_rules = Whole(0, 100_000, data_key="allRules")
    all_tried_rules = Whole(0, 10_000, data_key="allTriedRules")
    all_ports = Whole(0, 1000, data_key="allPorts")


class _PolicySchema(Strict):
    MODEL = Policy
    rules = Items(nested(_RuleSchema))
    may_add = Items(Text(_frontend_field, required=True), data_key="mayAdd")
    limits = nested(_LimitsSchema)


_POLICY = _PolicySchema()


def read_policy(data: Mapping[str, Any]) -> Policy:
    """The policy of its JSON form; raises InvalidPool with problems such as that of `policy.rules[0].hosts[1]`."""
    try:
        policy: Policy = _POLICY.load(data)
    except ValidationError as error:
        problems = problems_of(error.messages, data)
        raise InvalidPool(
            dataclasses.replace(one, path="policy" + one.path.removeprefix("pool")) for one in problems
        ) from None
    return dataclasses.replace(policy, may_add=tuple(_FRONTEND[key] for key in policy.may_add))
