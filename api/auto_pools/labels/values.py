"""The value of a label in the JSON of the V2 form, by the row that it belongs to. Pure.

Knows how numbers, flags, lists and objects are written in a label. What they may be is checked by the schema, later.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import fields as marshmallow

from api.auto_pools.labels.separators import Separators, Unreadable
from api.auto_pools.labels.table import TABLE, Form, Row
from api.auto_pools.secret_files import path_of
from scheduler.pools.fields import Flag, Number, Whole
from scheduler.pools.model import AUTOCERT, SECRETS, SYSTEM
from scheduler.pools.problems import shown
from scheduler.pools.words import file_names

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_FLAGS = {"true": True, "false": False}
_NO_SECRETS = (AUTOCERT, SYSTEM)
_SWITCHES = frozenset({Form.SWITCH, Form.SWITCH_LIST, Form.SWITCH_OBJECT, Form.SWITCH_OBJECTS})
#: What a switch's value is a value of.
_SWITCHED = {
    "redirectToHttps": "except",
    "acceptProxy": "from",
    "compression": "types",
    "rewriteHttp.sticky": "customStr",
}


def value_of(row: Row, text: str, separators: Separators) -> Any:
    """The JSON; None where an empty text says nothing. Raises Unreadable."""
    if not text and row.restricts:
        raise Unreadable("is empty, and would let fewer clients in", "remove the label to let everybody in")
    if not text:
        return {} if row.form in _SWITCHES else None
    match row.form:
        case Form.TEXT | Form.NUMBER | Form.FLAG:
            return _single(row.field, text)
        case Form.SECRET:
            return _file(text)
        case Form.SECRETS:
            return [_file(one) for one in separators.items(text)]
        case Form.LIST:
            return _list(row, text, separators)
        case Form.OBJECT | Form.SWITCH_OBJECT:
            return _object(row, separators.pairs(text))
        case Form.OBJECTS:
            return _objects(row, text, separators)
        case Form.PAIR:
            return _pair(text, separators)
        case Form.SWITCH | Form.SWITCH_LIST | Form.SWITCH_OBJECTS:
            inner = TABLE[row.section, f"{row.name}.{_SWITCHED[row.name]}"]
            return {inner.path[-1]: value_of(inner, text, separators)}


def secrets_in(row: Row, text: str, separators: Separators) -> list[str]:
    """The names in the store that a value of this row holds, which can be read."""
    if not text:
        return []
    match row.form:
        case Form.SECRET:
            return [] if text in _NO_SECRETS else [text]
        case Form.SECRETS:
            return [one for one in separators.items(text) if one not in _NO_SECRETS]
        case _:
            return []


def _single(field: marshmallow.Field[Any], text: str) -> Any:
    match field:
        case Flag():
            if text.lower() not in _FLAGS:
                raise Unreadable("must be true or false")
            return _FLAGS[text.lower()]
        case Whole():
            if not _WHOLE.fullmatch(text):
                raise Unreadable("must be a whole number")
            return int(text)
        case Number():
            if not _NUMBER.fullmatch(text):
                raise Unreadable("must be a number")
            return float(text)
        case _:
            return text


def _list(row: Row, text: str, separators: Separators) -> list[Any]:
    assert isinstance(row.field, marshmallow.List)
    return [_single(row.field.inner, item) for item in separators.items(text)]


def _object(row: Row, pairs: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in pairs.items():
        inner = TABLE.get((row.section, f"{row.name}.{key}"))
        if inner is None or inner.form not in (Form.TEXT, Form.NUMBER, Form.FLAG):
            raise Unreadable(f"has a key {shown(key)}, which is not known here", f"known are {_keys(row)}")
        if not text:
            continue
        within = found
        for step in inner.path[len(row.path) : -1]:
            within = within.setdefault(step, {})
        within[inner.path[-1]] = _single(inner.field, text)
    return found


def _keys(row: Row) -> str:
    start = f"{row.name}."
    return ", ".join(
        name.removeprefix(start)
        for (section, name), inner in TABLE.items()
        if section == row.section and name.startswith(start) and inner.form in (Form.TEXT, Form.NUMBER, Form.FLAG)
    )


def _objects(row: Row, text: str, separators: Separators) -> list[dict[str, Any]]:
    assert isinstance(row.field, marshmallow.List)
    assert isinstance(row.field.inner, marshmallow.Nested)
    inner = {field.data_key or name: field for name, field in row.field.inner.schema.fields.items()}
    return [
        {key: _single(inner[key], value) if key in inner else value for key, value in separators.pairs(item).items()}
        for item in separators.items(text)
    ]


def _pair(text: str, separators: Separators) -> dict[str, str]:
    pairs = separators.pairs(text)
    if len(pairs) != 1:
        raise Unreadable("must be one pair", f"write <from>{separators.of_keys}<to>, such as /app{separators.of_keys}/")
    [(from_path, to_path)] = pairs.items()
    return {"fromPath": from_path, "toPath": to_path}


def _file(name: str) -> str:
    """Of a secret, or what is there without one."""
    if name in _NO_SECRETS:
        return name
    if problem := file_names.secret(name):
        remedy = f"give the name of a secret in the store, or {AUTOCERT}"
        raise Unreadable(
            f"holds {shown(name)}: a secret's name {problem}" if not name.startswith(SECRETS) else problem, remedy
        )
    return path_of(name)
