"""Reading pool files: JSON or YAML, from a file or stdin, and in which version of the API they are written."""

import json
from typing import Any

import yaml

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.text_file import name_of, read_text
from sdk.strict_json import DuplicateKey, unique


def read_pool(path: str) -> dict[str, Any]:
    """The object in the file, `-` for stdin; Failure says what is wrong and where."""
    shown, text = name_of(path), read_text(path)
    if not text.strip():
        raise Failure(f"{shown} is empty", Exit.USAGE)
    value = _parse(text, shown, json_only=path.endswith(".json"))
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


class _Twice(DuplicateKey):
    """Its place counts from 1."""

    def __init__(self, key: str, line: int, column: int) -> None:
        super().__init__(key)
        self.line, self.column = line, column


class _UniqueLoader(yaml.SafeLoader):
    """YAML's safe loader, which would silently keep the last of two equal keys, as Python's JSON would."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here and not where values are made: by then merged keys (<<) stand beside those that override them.
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _Twice(key.value, key.start_mark.line + 1, key.start_mark.column + 1)
                seen.add((key.tag, key.value))
        assert isinstance(node, yaml.MappingNode)
        return node


def _parse(text: str, shown: str, *, json_only: bool) -> Any:
    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        if json_only or text.lstrip().startswith("{"):
            raise Failure(f"{shown} is not JSON: {error}", Exit.USAGE) from error
    try:
        loader = _UniqueLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except _Twice as error:
        where = f"the second time at line {error.line}, column {error.column}"
        raise Failure(f"{shown} is ambiguous: {error}, {where}", Exit.USAGE) from error
    except (yaml.YAMLError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise Failure(f"{shown} is neither JSON nor YAML: {where}", Exit.USAGE) from error
