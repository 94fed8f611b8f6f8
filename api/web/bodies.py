"""Reading request bodies: JSON or YAML, with a bound on size and depth, and a message that says where it is broken."""

import json
from typing import Any

from flask import Request

from api.web.problems import ApiProblem
from api.web.strict_yaml import KeyTwice, NotYaml, parse_yaml
from sdk.strict_json import DuplicateKey, unique

MAX_BODY = 6 * 1024 * 1024
"""A pool of ten thousand services with every default written out needs five."""
MAX_YAML = 256 * 1024
"""YAML takes a hundred times as long to read as JSON: about a second for so much."""
YAML_KINDS = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
"""Media types of YAML, the registered one and those before it."""


class _NoNumber(ValueError):
    pass


def _no_constant(name: str) -> Any:
    raise _NoNumber(name)


def parse_json(data: bytes, what: str = "the pool") -> Any:
    """The JSON value in `data`; ApiProblem 400 says what is wrong and where."""
    text = _decoded(data, what)
    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ApiProblem(400, f"the request body is not JSON: {error.msg} at {where}") from error
    except _NoNumber as error:
        raise ApiProblem(400, f"the request body is not JSON: {error} is no JSON number") from error
    except DuplicateKey as error:
        raise _ambiguous(error) from error
    except RecursionError as error:
        raise ApiProblem(400, "the request body is nested too deeply") from error
    except ValueError as error:
        # int() refuses numbers of more than 4300 digits.
        raise ApiProblem(400, f"the request body is not usable: {error}") from error


def parse_yaml_body(data: bytes, what: str = "the pool") -> Any:
    """The value in `data` as JSON has it; ApiProblem 400 says what is wrong and where, 413 that it is too much."""
    if len(data) > MAX_YAML:
        raise ApiProblem(413, f"the request body is YAML of more than {MAX_YAML} bytes; send so much as JSON")
    text = _decoded(data, what)
    try:
        # Numbers may be keys there.
        return json.loads(json.dumps(parse_yaml(text), allow_nan=False))
    except KeyTwice as error:
        raise _ambiguous(error, f", the second time at line {error.line}, column {error.column}") from error
    except NotYaml as error:
        raise ApiProblem(400, f"the request body is not YAML: {error}") from error
    except (TypeError, ValueError) as error:
        # It has dates and sets.
        raise ApiProblem(
            400, f"the request body holds something that JSON cannot express: {error}; quote it"
        ) from error


def read_json(request: Request, what: str = "the pool") -> Any:
    """The value of the request's body; that it says to be JSON or YAML was checked before."""
    data = request.get_data(cache=False)
    return parse_yaml_body(data, what) if request.mimetype in YAML_KINDS else parse_json(data, what)


def _decoded(data: bytes, what: str) -> str:
    if not data.strip():
        raise ApiProblem(400, f"the request body is empty; send {what} as JSON or YAML")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApiProblem(400, f"the request body is not UTF-8: byte {error.start} cannot be decoded") from error


def _ambiguous(error: DuplicateKey, where: str = "") -> ApiProblem:
    return ApiProblem(
        400, f"the request body is ambiguous: the key {error.key!r:.80} stands twice in one object{where}"
    )
