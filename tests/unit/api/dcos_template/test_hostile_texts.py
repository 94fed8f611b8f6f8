"""Texts that would mean something to HAProxy, in every field of text that a pool has."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, fields

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from scheduler.pools.fields import Text
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import PoolSchema, load_pool
from sdk.errors import InvalidSpec
from tests.unit.api.dcos_template.pools import COOKIE_KEY

_SIGN = "HOSTILE"
HOSTILE = (
    f"a\n{_SIGN} x",
    f"a\r{_SIGN} x",
    f"a\n\n    server {_SIGN} 10.0.0.1:1",
    f"a' {_SIGN}",
    f'a" {_SIGN}',
    f"a\\ {_SIGN}",
    f"a # {_SIGN}",
    f"a {_SIGN}",
    f"${_SIGN}",
    f"${{{_SIGN}}}",
    f"/a${{{_SIGN}}}",
    f"%[env({_SIGN})]",
    f"/%[env({_SIGN})]",
    f"a;{_SIGN}",
    f"a\0{_SIGN}",
    f"a\u2028{_SIGN}",
    f"a\x85{_SIGN}",
    f"http-request set-header X %[env({_SIGN})]",
    f"http-request set-header X a\n{_SIGN}",
    f"weight 1 {_SIGN}",
    f"GET /\n{_SIGN}",
    f"S insert\n{_SIGN}",
)


def texts(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where texts stand: keys, `[]` for the first one of a list."""
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        here = (*path, field.data_key or name, *(("[]",) if isinstance(field, fields.List) else ()))
        if isinstance(inner, fields.Nested):
            yield from texts(inner.schema, here)
        elif isinstance(inner, Text):
            yield here


def document() -> dict[str, Any]:
    """One of everything that texts belong to."""
    service = {"mesos": {"taskName": "a"}}
    return {
        "name": "web",
        "haproxy": {
            "frontends": [
                {"name": "f", "linkBackend": {"defaultBackend": "b", "map": [{"backend": "b", "pathBeg": "/a"}]}}
            ],
            "backends": [{"name": "b", "services": [service], "customCheck": {"httpchk": True}}],
        },
    }


def put(made: dict[str, Any], path: tuple[str, ...], text: str) -> None:
    at: Any = made
    for key, following in itertools.pairwise(path):
        if key == "[]":
            if not at:
                at.append([] if following == "[]" else {})
            at = at[0]
        else:
            at = at.setdefault(key, [] if following == "[]" else {})
    if path[-1] == "[]":
        at[:] = [text]
    else:
        at[path[-1]] = text


PATHS = list(texts(PoolSchema()))


@pytest.mark.parametrize("path", PATHS, ids=[".".join(path) for path in PATHS])
def test_no_text_becomes_anything_else_than_itself(path: tuple[str, ...]) -> None:
    """It is refused, or stays within the word or line that it is."""
    for hostile in HOSTILE:
        made = document()
        put(made, path, hostile)
        try:
            parts = render(build_config(load_pool(made), COOKIE_KEY)).values()
        except (InvalidPool, InvalidSpec):
            continue
        text = "\n".join(one.text for one in parts if one.part.kind == "config")
        for line in text.split("\n"):
            said = line.partition(" # ")[0] if not line.startswith("    # servers of ") else line
            assert not said.strip().startswith((_SIGN, f"server {_SIGN}")), (path, hostile, line)
            # Within single quotes variables are not filled in; expressions are, but where something is compared.
            unquoted = re.sub("'[^']*'", "", said)
            assert f"${_SIGN}" not in unquoted, (path, hostile, line)
            assert f"${{{_SIGN}}}" not in unquoted, (path, hostile, line)
            assert f"env({_SIGN})" not in (unquoted if " -m " in said else said), (path, hostile, line)
        assert "\r" not in text
        assert "\0" not in text
