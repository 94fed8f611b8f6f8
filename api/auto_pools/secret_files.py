"""How the file of a secret is called that a label names by its name in the store. Pure."""

import hashlib
import re

from scheduler.pools.model import SECRETS
from scheduler.pools.words.file_names import file_name
from scheduler.secret_stores.names import plain

# Two underscores stand for a slash, four before a hash: nothing else may look like them.
_SLASH, _HASHED = "__", "____"
_AMBIGUOUS = re.compile("__|_/|/_")
_LONGEST = 100


def secret_file(secret: str) -> str:
    """The name itself where it has no slash, as a rule; no two secrets have the same."""
    name = plain(secret)
    if not _AMBIGUOUS.search(name) and file_name(file := name.replace("/", _SLASH)) is None:
        return file
    told = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:_LONGEST]
    return f"{told}{_HASHED}{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def path_of(secret: str) -> str:
    """As certificates name it: `$SECRETS/<file>`."""
    return SECRETS + secret_file(secret)
