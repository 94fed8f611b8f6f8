"""All applications of a Marathon, asked for by HTTP, or from a file that holds what it answers."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.text_file import name_of, read_text
from api.client.errors import reason_of

_PATH = "/v2/apps"
_OK = 200
_MOST_BYTES = 256 << 20


def from_file(path: str) -> Any:
    """What the file holds, `-` for stdin."""
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise Failure(f"{name_of(path)} is not JSON: {error}", Exit.USAGE) from error


def from_marathon(base: str, token: str | None) -> Any:
    """What Marathon at the URL answers; `token` is one of DC/OS."""
    if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname:
        raise Failure(f"--marathon: {base} is no URL of the form http://host:port", Exit.USAGE)
    url = base.rstrip("/") + _PATH
    headers = {"Accept": "application/json", **({"Authorization": f"token={token}"} if token else {})}
    timeout = urllib3.Timeout(connect=5.0, read=60.0)
    try:
        with urllib3.PoolManager(retries=False, timeout=timeout) as http:
            response = http.request("GET", url, headers=headers, preload_content=False)
            content = response.read(_MOST_BYTES + 1)
    except urllib3.exceptions.HTTPError as error:
        raise Failure(f"{url} does not answer: {reason_of(error)}", Exit.UNREACHABLE) from error
    if response.status != _OK:
        hint = "; give a token in EDGELB_TOKEN" if response.status in (401, 403) and not token else ""
        raise Failure(f"{url} answers with {response.status} {response.reason}{hint}", Exit.FAILED)
    if len(content) > _MOST_BYTES:
        raise Failure(f"{url} answers with more than {_MOST_BYTES} bytes", Exit.FAILED)
    try:
        return json.loads(content)
    except ValueError as error:
        raise Failure(f"{url} answers with what is not JSON: {error}", Exit.FAILED) from error
