"""The rules of a group: which requests of its frontend are for its backend. Pure."""

from typing import Any

from marshmallow import ValidationError

from api.auto_pools.labels.separators import Separators, Unreadable
from scheduler.pools.fields import Text, Unknown
from scheduler.pools.messages import problems_of
from scheduler.pools.model import MapRule
from scheduler.pools.problems import shown
from scheduler.pools.schema.link import MapRuleSchema

_FIELDS = MapRuleSchema().fields
#: Several hosts are several rules.
_CONDITIONS = {
    field.data_key or name: field for name, field in _FIELDS.items() if isinstance(field, Text) and name != "backend"
}
#: What stands before the name of a header or cookie: the condition, and how its value is looked at.
_ASKED = {
    "header.": ("headers", "valueEq"),
    "headerReg.": ("headers", "valueReg"),
    "cookie.": ("cookies", "valueEq"),
    "cookieReg.": ("cookies", "valueReg"),
}
_KNOWN = dict.fromkeys((*_CONDITIONS, *(f"{start}<name>" for start in _ASKED)))


def everything(group: str) -> tuple[MapRule, ...]:
    """The rule of a group that says none."""
    return (MapRule(backend=group, path_beg="/"),)


def read_rules(text: str, group: str, separators: Separators) -> tuple[MapRule, ...]:
    """The rules in their order, each once; raises Unreadable."""
    rules = [_rule(item, group, separators) for item in separators.items(text)]
    return tuple(dict.fromkeys(rules))


def _rule(text: str, group: str, separators: Separators) -> MapRule:
    conditions: dict[str, Any] = {}
    asked: dict[str, list[dict[str, str]]] = {}
    for key, value in separators.pairs(text).items():
        start, dot, name = key.partition(".")
        if dot and (found := _ASKED.get(start + dot)):
            field, way = found
            asked.setdefault(field, []).append({"name": name, way: value})
        else:
            conditions |= [condition(key, value)]
    for field, values in asked.items():
        try:
            conditions[field] = _FIELDS[field].deserialize(values)
        except ValidationError as error:
            problem = next(problems_of({field: error.messages}, {field: values}))
            raise Unreadable(f"asks for {field} of which one {problem.rule}") from None
    rule = MapRule(backend=group, **conditions)
    if not rule.has_conditions:
        raise Unreadable(f"has a rule without a condition; known are {', '.join(_KNOWN)}")
    return rule


def condition(key: str, text: str) -> tuple[str, str]:
    """A condition as the field of MapRule and its value; raises Unreadable."""
    field = _CONDITIONS.get(key)
    if field is None:
        raise Unreadable(f"holds {shown(key)}, an {Unknown(name=key, known=_KNOWN)}")
    try:
        return str(field.name), field.deserialize(text) or ""
    except ValidationError as error:
        remedy = "write a rule for each host" if key == "hostEq" else ""
        raise Unreadable(f"holds {key} {shown(text)}, which {error.messages[0]}", remedy) from None


def written(rule: MapRule) -> dict[str, str]:
    """The keys and values that are read as the rule."""
    found = {key: text for key, field in _CONDITIONS.items() if (text := getattr(rule, str(field.name)))}
    for start, (field, way) in _ASKED.items():
        for one in getattr(rule, field):
            value = one.value_eq if way == "valueEq" else one.value_reg
            if value or (way == "valueEq" and not one.value_reg):
                found[f"{start}{one.name}"] = value
    return found
