"""Warnings of the HTTP API: what is done and probably not meant, in a header."""

from flask import Response

_HEADER = "X-Edgelb-Warning"


def warn(response: Response, text: str) -> None:
    """Say it along with the answer."""
    response.headers.add(_HEADER, " ".join(text.encode("ascii", "replace").decode().split())[:500])
