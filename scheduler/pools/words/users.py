"""Names and password hashes of users whom HAProxy asks for. Pure."""

import re

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_REALM = re.compile(r"[A-Za-z0-9 ._/-]{1,64}")
_HASH = re.compile(r"\$[56]\$(rounds=([1-9][0-9]{3})\$)?[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{43,86}")
#: More take HAProxy's thread milliseconds for every single request.
_MOST_ROUNDS = 5000


def user_name(text: str) -> str | None:
    """The rule that the name breaks, the end of a sentence."""
    return None if _NAME.fullmatch(text) else "must be a name of letters, digits and . _ @ -, at most 64 of them"


def realm(text: str) -> str | None:
    """The rule that the realm breaks, the end of a sentence."""
    return None if _REALM.fullmatch(text) else "must be of letters, digits, spaces and . _ / -, at most 64 of them"


def password_hash(text: str) -> str | None:
    """The rule that the hash breaks, the end of a sentence, which does not show it."""
    found = _HASH.fullmatch(text)
    if found is None:
        return "must be a hash that begins with $5$ or $6$, such as `openssl passwd -6` prints"
    if found[2] and int(found[2]) > _MOST_ROUNDS:
        return f"must not have more than {_MOST_ROUNDS} rounds: HAProxy computes it for every request"
    return None
