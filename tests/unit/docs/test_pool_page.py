"""docs/reference/pool.md against the schema: every field, its default, and whether it is supported."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields

from scheduler.pools.fields import NotYet
from scheduler.pools.model.headers import Hsts
from scheduler.pools.schema import PoolSchema, dump_pool, load_pool

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "pool.md").read_text()
SAMPLE = {
    "name": "sample",
    "secrets": [{"secret": "team/web", "file": "web.pem"}],
    "virtualNetworks": [{"name": "dcos"}],
    "haproxy": {
        "frontends": [
            {
                "linkBackend": {"map": [{"backend": "b", "headers": [{"name": "a"}], "cookies": [{"name": "a"}]}]},
                "acceptProxy": {},
                "compression": {},
                "errorPages": [{"status": 503, "content": "sorry"}],
                "basicAuth": {"users": [{"name": "a", "passwordHash": "$5$a$" + "a" * 43}]},
                "certificates": ["$SECRETS/web.pem"],
                "certificateHosts": [{"certificate": "$SECRETS/web.pem"}],
                "redirects": [{"location": "https://a.test"}],
                "requestHeaders": [{"name": "X", "value": "y"}],
                "responseHeaders": [{"name": "X", "value": "y"}],
                "redirectToHttps": {"except": [{"pathBeg": "/"}]},
            }
        ],
        "backends": [
            {
                "name": "b",
                "services": [{"mesos": {"taskName": "t"}}],
                "basicAuth": {"users": [{"name": "a", "passwordHash": "$5$a$" + "a" * 43}]},
                "requestHeaders": [{"name": "X", "value": "y"}],
                "responseHeaders": [{"name": "X", "value": "y"}],
            }
        ],
    },
}
# It has one value, which is written out but not kept.
FIXED = {"apiVersion"}


def leaves(schema: Schema, path: str = "", *, refused: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """(path, field, whether it is refused) of every field that holds no other fields."""
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        many = "[]" if isinstance(field, fields.List) and isinstance(inner, fields.Nested) else ""
        here = f"{path}{field.data_key or name}{many}"
        if isinstance(inner, fields.Nested):
            yield from leaves(inner.schema, f"{here}.", refused=refused or bool(field.load_only))
        else:
            yield here, field, refused or (isinstance(field, NotYet) and here not in FIXED)


def rows(text: str, header: str) -> dict[str, list[str]]:
    """The rows of every table with this header: first cell without backticks to the other cells."""
    found: dict[str, list[str]] = {}
    for table in re.findall(rf"^{re.escape(header)}\n\|[ |-]+\|\n((?:\|.*\|\n)+)", text, re.MULTILINE):
        for line in table.splitlines():
            first, *others = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            assert first.strip("`") not in found, f"{first} stands twice"
            found[first.strip("`")] = others
    return found


def value_at(document: Any, path: str) -> Any:
    """The value at `a.b[].c`, taking the first of each array; None when there is none."""
    for name in path.replace("[]", "").split("."):
        document = document[0] if isinstance(document, list) else document
        document = document.get(name) if isinstance(document, dict) else None
    return document


SUPPORTED = rows(PAGE, "| field | default | meaning |")
REFUSED = rows(PAGE, "| field | accepted |")


def test_the_page_lists_exactly_the_supported_fields() -> None:
    """Every field of the schema that is not refused has a row, and there are no others."""
    assert set(SUPPORTED) == {path for path, _, refused in leaves(PoolSchema()) if not refused}


def test_the_page_lists_exactly_the_refused_fields_with_what_they_may_hold() -> None:
    """Every documented field that is refused has a row with the values that are let through."""
    expected = {
        path: " or ".join(f"`{json.dumps(value)}`" for value in field.accepted) or "nothing"
        for path, field, refused in leaves(PoolSchema())
        if refused
    }
    assert {path: cells[0] for path, cells in REFUSED.items()} == expected


def test_the_defaults_on_the_page_are_those_of_an_empty_pool() -> None:
    """A pool that gives only what is required is stored with these values."""
    pool = load_pool(SAMPLE)
    frontends = [replace(frontend, hsts=Hsts()) for frontend in pool.haproxy.frontends]
    stored = dump_pool(replace(pool, haproxy=replace(pool.haproxy, frontends=tuple(frontends))))
    for path, (default, _) in SUPPORTED.items():
        value = value_at(stored, path)
        if default == "required" or value_at(SAMPLE, path) not in (None, ""):
            continue
        if path == "haproxy.frontends[].name":
            assert default.strip('`"') == "frontend_<bindAddress>_<bindPort>"
            assert value == "frontend_0.0.0.0_0"
        elif default == "none":
            assert value in (None, "", []), path
        else:
            assert json.loads(default.strip("`")) == value, path


def test_required_on_the_page_means_required_by_the_schema() -> None:
    """The fields without which a pool is refused."""
    required = {path for path, field, refused in leaves(PoolSchema()) if field.required and not refused}
    assert {path for path, (default, _) in SUPPORTED.items() if default == "required"} == required


def test_the_smallest_pool_of_the_page_loads() -> None:
    """The example is one."""
    [example] = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert load_pool(json.loads(example)).name == "web"
