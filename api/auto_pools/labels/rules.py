"""The rules of a group: which requests of its frontend are for its backend. Pure."""

from typing import Any

from marshmallow import ValidationError
from marshmallow import fields as marshmallow

from api.auto_pools.labels.separators import Separators, Unreadable
from scheduler.pools.fields import Unknown
from scheduler.pools.model import MapRule
from scheduler.pools.problems import shown
from scheduler.pools.schema.link import MapRuleSchema

#: Several hosts are several rules.
_CONDITIONS: dict[str, marshmallow.Field[str]] = {
    field.data_key or name: field
    for name, field in MapRuleSchema().fields.items()
    if name not in ("backend", "hosts_eq")
}


def everything(group: str) -> tuple[MapRule, ...]:
    """The rule of a group that says none."""
    return (MapRule(backend=group, path_beg="/"),)


def read_rules(text: str, group: str, separators: Separators) -> tuple[MapRule, ...]:
    """The rules in their order, each once; raises Unreadable."""
    rules = [_rule(item, group, separators) for item in separators.items(text)]
    return tuple(dict.fromkeys(rules))


def _rule(text: str, group: str, separators: Separators) -> MapRule:
    conditions: dict[str, Any] = dict(condition(key, value) for key, value in separators.pairs(text).items())
    rule = MapRule(backend=group, **conditions)
    if not rule.has_conditions:
        raise Unreadable(f"has a rule without a condition; known are {', '.join(_CONDITIONS)}")
    return rule


def condition(key: str, text: str) -> tuple[str, str]:
    """A condition as the field of MapRule and its value; raises Unreadable."""
    field = _CONDITIONS.get(key)
    if field is None:
        raise Unreadable(f"holds {shown(key)}, an {Unknown(name=key, known=dict.fromkeys(_CONDITIONS))}")
    name = str(field.name)
    try:
        return name, field.deserialize(text) or ""
    except ValidationError as error:
        remedy = "write a rule for each host" if name == "host_eq" else ""
        raise Unreadable(f"holds {key} {shown(text)}, which {error.messages[0]}", remedy) from None
