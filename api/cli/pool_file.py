"""Reading pool files: JSON or YAML, from a file or stdin, and in which version of the API they are written."""

import json
from typing import Any

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.text_file import name_of, read_text
from api.web.strict_yaml import KeyTwice, NotYaml, parse_yaml
from sdk.strict_json import unique


def read_pool(path: str) -> dict[str, Any]:
    """The object in the file, `-` for stdin; Failure says what is wrong and where."""
    return parse_pool(read_text(path), name_of(path), json_only=path.endswith(".json"))


def parse_pool(text: str, shown: str, *, json_only: bool = False) -> dict[str, Any]:
    """The object in the text, which messages call `shown`."""
    if not text.strip():
        raise Failure(f"{shown} is empty", Exit.USAGE)
    value = _parse(text, shown, json_only=json_only)
    if not isinstance(value, dict):
        raise Failure(f"{shown} must hold one object, the pool", Exit.USAGE)
    try:
        # YAML has dates and sets, JSON has not.
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Failure(f"{shown} holds something that JSON cannot express: {error}; quote it", Exit.USAGE) from error
    return value


def read_pools(path: str) -> list[dict[str, Any]]:
    """The pools in the file, each with its `apiVersion`: one, or those of a list, which is how version 1 began and how
    `GET /config` answers.
    """
    value = read_pool(path)
    if "pools" not in value or "haproxy" in value:
        return [_versioned(value, "V1" if _has_servers(value) else "V2")]
    shown = name_of(path)
    pools, others = value["pools"], sorted(name for name, held in value.items() if name != "pools" and held)
    if not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        raise Failure(f"{shown}: pools must be an array of objects, each a pool", Exit.USAGE)
    if others:
        raise Failure(f"{shown}: {', '.join(others)} beside the list of pools is unknown", Exit.USAGE)
    if not pools:
        raise Failure(f"{shown}: the list of pools is empty", Exit.USAGE)
    return [_versioned(pool, "V1") for pool in pools]


def _versioned(pool: dict[str, Any], version: str) -> dict[str, Any]:
    """The pool with its version, which is `version` where nothing says so; taken out of the container that tells it."""
    for key in ("v1", "v2"):
        content = pool.get(key)
        if isinstance(content, dict) and set(pool) <= {"apiVersion", "name", "namespace", key}:
            return _versioned(content, key.upper())
    return pool if pool.get("apiVersion") else pool | {"apiVersion": version}


def _has_servers(pool: dict[str, Any]) -> bool:
    """Whether a backend has servers, as version 1 calls what are services now."""
    haproxy = pool.get("haproxy")
    backends = haproxy.get("backends") if isinstance(haproxy, dict) else None
    listed = backends if isinstance(backends, list) else []
    return any(isinstance(one, dict) and "servers" in one and "services" not in one for one in listed)


def _parse(text: str, shown: str, *, json_only: bool) -> Any:
    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        if json_only or text.lstrip().startswith("{"):
            raise Failure(f"{shown} is not JSON: {error}", Exit.USAGE) from error
    try:
        return parse_yaml(text)
    except KeyTwice as error:
        where = f"the second time at line {error.line}, column {error.column}"
        raise Failure(f"{shown} is ambiguous: {error}, {where}", Exit.USAGE) from error
    except NotYaml as error:
        raise Failure(f"{shown} is neither JSON nor YAML: {error}", Exit.USAGE) from error
