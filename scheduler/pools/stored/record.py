"""The stored form of a pool: a versioned record of what differs from the defaults. Pure.

Knows the JSON of the node `<root>/pools/<name>` and of the text beside it, for a pool that is too large for one node;
also the form of releases that wrote the API's shape. Rules are none of its business: a pool that was stored stays
readable, whatever the API refuses by now. Does not know how nodes are read and written.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored.sparse import Known, read, with_unknown, written
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob
from sdk.storage.nodes import decode_json, encode_json

SCHEMA = 2
"""Counts up when a field gets another meaning; new fields do not need it, they are passed over by older releases."""
#: Longer content stands beside the node: nodes of pools are read by people too, and all of them are read at a start.
_MOST_INLINE = 100_000
#: As encode_json writes, in a tenth of the time: large pools are written and read as a whole.
_ENCODER = msgspec.json.Encoder(order="sorted")
MAX_BYTES = 8_000_000
"""Of the content; a multiple of what the API takes in one request."""


class NewerForm(CorruptRecord):
    """A newer release wrote the record, in a form that this one does not know: it must not be written over."""


class StoredPool(NamedTuple):
    """A pool as it stands in ZooKeeper, and which state of it that is."""

    pool: Pool
    revision: Revision
    created: float = 0.0
    """In epoch seconds; 0 for one that was stored before this was written down."""
    author: str = ""
    """The user who wrote this state; empty where users are not told apart."""
    cookie_key: str = ""
    """Of what cookies of sticky backends are made; empty for one that was stored before there were such."""
    template: str = ""
    """Of its own, over the default ones; empty: none."""
    written: float = 0.0
    """When this state was written, in epoch seconds; 0 for one that was stored before this was written down."""

    @property
    def version(self) -> int:
        """How often it was written, 1 after its creation: the number that people see."""
        return self.revision.version

    @property
    def etag(self) -> str:
        """The revision as HTTP's entity tag."""
        return f'"{self.revision}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the node itself says. The content is in `content`, or in the text that `blob` names."""

    revision: Revision
    created: float
    author: str
    cookie_key: str
    template: str
    written: float
    content: object
    blob: Blob | None


def encode(stored: StoredPool, before: object = None) -> tuple[bytes, str | None]:
    """The node's data, and the text that has to stand beside it, None when everything is in the node.

    Fields in the content `before` that this release does not know are kept. Raises InvalidPool for a pool that is too
    large.
    """
    return encode_content(stored, with_unknown(Pool, written(stored.pool), before))


def encode_content(stored: StoredPool, content: Mapping[str, Any]) -> tuple[bytes, str | None]:
    """The same where the content is known."""
    encoded = _ENCODER.encode(content)
    size = len(encoded)
    if size > MAX_BYTES:
        rule = f"is {size} bytes long when stored; the limit is {MAX_BYTES}: split it into several pools"
        raise InvalidPool((Problem(path="pool", rule=rule),))
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "uid": stored.revision.uid,
        "version": stored.revision.version,
        "created": stored.created,
        "author": stored.author,
        "written": stored.written,
        "cookieKey": stored.cookie_key,
        **({"template": stored.template} if stored.template else {}),
    }
    if size <= _MOST_INLINE:
        return encode_json(head | {"pool": content}), None
    text = encoded.decode()
    return encode_json(head | {"content": list(Blob.of(text))}), text


def decode_head(path: str, data: bytes, node_version: int) -> Head:
    """What the node says; raises CorruptRecord when it is none of a pool, or one of a newer form."""
    value = decode_json(path, data)
    if not isinstance(value, Mapping):
        raise CorruptRecord(path, "is not a JSON object")
    if "schema" not in value:
        revision = Revision(_text(value.get("uid")), node_version + 1)
        content = _from_api_shape(value)
        return Head(
            revision=revision,
            created=0.0,
            author="",
            cookie_key="",
            template="",
            written=0.0,
            content=content,
            blob=None,
        )
    try:
        schema, revision = int(value["schema"]), Revision(str(value["uid"]), int(value["version"]))
        created, author = float(value["created"]), str(value["author"])
        when = float(value.get("written", 0.0))
        cookie_key, template = str(value.get("cookieKey", "")), str(value.get("template", ""))
        blob = Blob(str(value["content"][0]), int(value["content"][1])) if "content" in value else None
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise CorruptRecord(path, f"is not the record of a pool: {error!r}") from error
    if schema > SCHEMA:
        raise NewerForm(path, f"has the form {schema}, and this release reads up to {SCHEMA}: run the newer one")
    return Head(
        revision=revision,
        created=created,
        author=author,
        cookie_key=cookie_key,
        template=template,
        written=when if math.isfinite(when) and when > 0 else 0.0,
        content=value.get("pool"),
        blob=blob,
    )


def content_of(path: str, head: Head, text_of: Callable[[Blob], str | None]) -> object:
    """What the record holds; `text_of` gives the text beside the node. None when that is not there (any more).

    Raises CorruptRecord when it is no JSON.
    """
    if head.blob is None:
        return head.content
    text = text_of(head.blob)
    return None if text is None else decode_content(path, text)


def decode_content(path: str, text: str) -> object:
    """What a text beside the node says. Raises CorruptRecord when it is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error


def pool_of(path: str, head: Head, content: object, before: Known | None = None) -> StoredPool:
    """The pool of this content; `before` is an earlier one with its own.

    Raises CorruptRecord when it is no pool, or one of another name.
    """
    pool = read(Pool, content, f"{path}: pool", before)
    if pool.name != path.rpartition("/")[2]:
        raise CorruptRecord(path, f"holds a pool of the name {pool.name}")
    return of_head(pool, head)


def of_head(pool: Pool, head: Head) -> StoredPool:
    """The pool under its head."""
    return StoredPool(pool, head.revision, head.created, head.author, head.cookie_key, head.template, head.written)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# ---------------------------------------------------------------- the form before

_NO_PORT = -1
_HEALTH = {"gracePeriod": "GracePeriod", "interval": "Interval", "maxFail": "MaxFail", "timeout": "Timeout"}


def _from_api_shape(value: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a node that holds the API's shape with all defaults, and a uid."""
    content = {key: held for key, held in value.items() if key not in ("uid", "apiVersion", "type")}
    health = {key: content.pop(f"poolHealthcheck{name}", None) for key, name in _HEALTH.items()}
    content["healthcheck"] = {key: held for key, held in health.items() if held is not None}
    for backend in _objects(_object(content.get("haproxy")).get("backends")):
        for service in _objects(backend.get("services")):
            endpoint = _object(service.get("endpoint"))
            if endpoint.get("port") == _NO_PORT:
                del endpoint["port"]
    return content


def _object(value: object) -> dict[str, Any]:
    # What is none is told when it is read as a pool.
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (_object(one) for one in value) if isinstance(value, list) else iter(())
