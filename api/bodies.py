"""Reading request bodies: JSON with a bound on its size and depth, and a message that says where it is broken."""

import json
from typing import Any

from flask import Request

from api.problems import ApiProblem
from sdk.strict_json import DuplicateKey, unique

MAX_BODY = 6 * 1024 * 1024
"""A pool of ten thousand services with every default written out needs five."""


class _NoNumber(ValueError):
    pass


def _no_constant(name: str) -> Any:
    raise _NoNumber(name)


def parse_json(data: bytes, what: str = "the pool") -> Any:
    """The JSON value in `data`; ApiProblem 400 says what is wrong and where."""
    if not data.strip():
        raise ApiProblem(400, f"the request body is empty; send {what} as JSON")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApiProblem(400, f"the request body is not UTF-8: byte {error.start} cannot be decoded") from error
    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ApiProblem(400, f"the request body is not JSON: {error.msg} at {where}") from error
    except _NoNumber as error:
        raise ApiProblem(400, f"the request body is not JSON: {error} is no JSON number") from error
    except DuplicateKey as error:
        twice = f"the key {error.key!r:.80} stands twice in one object"
        raise ApiProblem(400, f"the request body is ambiguous: {twice}") from error
    except RecursionError as error:
        raise ApiProblem(400, "the request body is nested too deeply") from error
    except ValueError as error:
        # int() refuses numbers of more than 4300 digits.
        raise ApiProblem(400, f"the request body is not usable: {error}") from error


def read_json(request: Request, what: str = "the pool") -> Any:
    """The JSON value of the request's body; that it says to be JSON was checked before."""
    return parse_json(request.get_data(cache=False), what)
