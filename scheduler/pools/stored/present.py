"""What stands in the node of a pool that is about to be changed."""

import secrets
from dataclasses import dataclass

from scheduler.pools.model import Revision
from scheduler.pools.stored.record import Head, NewerForm, decode_head
from sdk.errors import CorruptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The state of a pool that is about to be changed; `head` is None when it is damaged."""

    head: Head | None
    revision: Revision
    node_version: int

    @classmethod
    def of(cls, path: str, data: bytes, node_version: int) -> "Now":
        """Of the node. Raises NewerForm."""
        try:
            head = decode_head(path, data, node_version)
        except NewerForm:
            raise
        except CorruptRecord:
            # Whoever writes it anew mends it; no tag that anybody holds is of what comes then.
            return cls(head=None, revision=Revision(secrets.token_hex(6), node_version), node_version=node_version)
        return cls(head=head, revision=head.revision, node_version=node_version)

    @property
    def created(self) -> float:
        """In epoch seconds; 0 when that is not known."""
        return self.head.created if self.head is not None else 0.0

    @property
    def cookie_key(self) -> str:
        """The one that it has: with another one clients would lose their servers."""
        return (self.head and self.head.cookie_key) or cookie_key()


def cookie_key() -> str:
    """A new one: of what cookies of sticky backends are made."""
    return secrets.token_hex(16)
