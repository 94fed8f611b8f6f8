"""Reading pool files: JSON or YAML, from a file or stdin."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from api.cli.client_command import Failure
from api.cli.exits import Exit


def read_pool(path: str) -> dict[str, Any]:
    """The object in the file, `-` for stdin; Failure says what is wrong and where."""
    shown = "stdin" if path == "-" else path
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"{shown} cannot be read: {error.strerror}", Exit.USAGE) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{shown} is not UTF-8 text", Exit.USAGE) from error
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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python keeps the last of two; the API refuses them, but never sees the first one when it was dropped here.
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)} stands twice in one object")
    return found


def _parse(text: str, shown: str, *, json_only: bool) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if json_only or text.lstrip().startswith("{"):
            raise Failure(f"{shown} is not JSON: {error}", Exit.USAGE) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise Failure(f"{shown} is neither JSON nor YAML: {where}", Exit.USAGE) from error
