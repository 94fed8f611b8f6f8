"""Specs as they may be shown to whoever asks: JSON, but for the values that may be secrets.

These are what environments and the data of executors hold, and credentials in the URIs of what is fetched. Their names
are told. Commands and labels are shown whole, as Mesos does itself.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from urllib.parse import urlsplit

from sdk.codecs import to_json
from sdk.door.types import VEILED
from sdk.model.spec import UriSpec

HIDDEN = "(hidden)"
"""Stands where a value is that is not told."""


def disclosed(value: object) -> object:
    """JSON of a spec, or of a part of one that is not itself below a field that may hold secrets."""
    if isinstance(value, UriSpec):
        return {**_fields(value), "value": _without_credentials(value.value)}
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, tuple | list):
        return [disclosed(item) for item in value]
    return to_json(value)


def veiled(value: object) -> object:
    """What may be told of a value that may be a secret or hold some: its keys."""
    if isinstance(value, Mapping):
        return {str(key): veiled(item) for key, item in value.items()}
    return HIDDEN


def _fields(value: object) -> dict[str, object]:
    assert is_dataclass(value)
    found = {item.name: getattr(value, item.name) for item in fields(value)}
    return {
        name: veiled(item) if name in VEILED and item is not None else disclosed(item) for name, item in found.items()
    }


def _without_credentials(uri: str) -> str:
    """Without what stands before `@`, and without the query, which is the signature of a signed URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(
        netloc=f"{HIDDEN if user else ''}{at}{host}",
        query=HIDDEN if parts.query else "",
        fragment=HIDDEN if parts.fragment else "",
    ).geturl()
