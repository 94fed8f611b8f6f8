"""The stored form of a pool template: a versioned record of its text. Pure.

Knows the JSON of the node `<root>/pool-templates/<name>`, and how a template may be called. Does not know what its text
means, nor how nodes are read and written.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from api.auto_pools.claim import DEFAULT_TEMPLATE
from scheduler.pools.model import MADE, Revision
from scheduler.pools.words import texts
from sdk.errors import CorruptRecord
from sdk.storage.nodes import decode_json, encode_json

SCHEMA = 1
"""Counts up when a field gets another meaning; new fields do not need it, they are passed over by older releases."""
LONGEST_NAME = 63 - len(MADE)
"""Its pool is called after it, and has at most 63 characters."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")

__all__ = ["DEFAULT_TEMPLATE", "NewerForm", "StoredTemplate", "decode", "encode", "pool_of"]


class NewerForm(CorruptRecord):
    """A newer release wrote the record, in a form that this one does not know: it must not be written over."""


class StoredTemplate(NamedTuple):
    """A pool template as it stands in ZooKeeper, and which state of it that is."""

    name: str
    revision: Revision
    text: str = ""
    """Empty: the default one, whatever that is in this release."""
    created: float = 0.0
    """In epoch seconds."""
    author: str = ""
    """The user who wrote this state; empty where users are not told apart."""

    @property
    def etag(self) -> str:
        """The revision as HTTP's entity tag."""
        return f'"{self.revision}"'


def name_problem(name: str) -> str | None:
    """The rule that the name of a template breaks, or None.

    Narrower than what DC/OS Edge-LB documents: there a name that is none of a pool could be given, and its template
    never got a pool.
    """
    if len(name) > LONGEST_NAME:
        return f"must not be longer than {LONGEST_NAME} characters: its pool is called {MADE}<name>"
    if _NAME.fullmatch(name) is None:
        return (
            "must be of lower case letters, digits and -, at least two, with a letter or digit at both ends: its pool"
            f" is called {MADE}<name>"
        )
    assert texts.pool_name(pool_of(name)) is None
    return None


def pool_of(name: str) -> str:
    """What the pool of a template is called."""
    return f"{MADE}{name}"


def encode(template: StoredTemplate) -> bytes:
    """The node's data."""
    return encode_json(
        {
            "schema": SCHEMA,
            "uid": template.revision.uid,
            "version": template.revision.version,
            "created": template.created,
            "author": template.author,
            "text": template.text,
        }
    )


def decode(path: str, data: bytes) -> StoredTemplate:
    """The template of a node; raises CorruptRecord when it is none, NewerForm for one of a newer form."""
    value = decode_json(path, data)
    if not isinstance(value, Mapping):
        raise CorruptRecord(path, "is not a JSON object")
    try:
        schema, revision = int(value["schema"]), Revision(str(value["uid"]), int(value["version"]))
        created, author, text = float(value["created"]), str(value["author"]), str(value["text"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise CorruptRecord(path, f"is not the record of a pool template: {error!r}") from error
    if schema > SCHEMA:
        raise NewerForm(path, f"has the form {schema}, and this release reads up to {SCHEMA}: run the newer one")
    return StoredTemplate(path.rpartition("/")[2], revision, text, created, author)
