"""Names of secrets, as pools write them, and which of them a pool may have. Pure."""

import re
from collections.abc import Sequence

_LONGEST = 512
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"{_PART}(/{_PART})*(#{_PART})?")
_PATTERN = re.compile(rf"(\*|\{{pool\}}|{_PART})(/(\*|\{{pool\}}|{_PART}))*")
DEFAULT_PATTERNS = ("*", "{pool}/*", "dcos-edgelb/*", "dcos-edgelb/pools/*", "dcos-edgelb/pools/{pool}/*")
"""What the rules of DC/OS give to the service `/dcos-edgelb/pools/<pool>`: secrets without a folder and those in the
folders above it; and those in a folder of the pool's name."""


def problem(secret: str) -> str | None:
    """The rule that a name breaks. A slash in front, as DC/OS allows it, is none of the name: see `plain`."""
    if len(secret) > _LONGEST:
        return f"must not have more than {_LONGEST} characters"
    if not _NAME.fullmatch(secret):
        return (
            "must be names of letters, digits, dots, dashes and underscores, with slashes between them; none may begin"
            " with a dot or a dash, and #NAME at the end says which value of a Vault secret is meant"
        )
    return None


def plain(secret: str) -> str:
    """Without the slash that may stand in front."""
    return secret.removeprefix("/")


def pattern_problem(pattern: str) -> str | None:
    """The rule that a pattern of names breaks."""
    if not _PATTERN.fullmatch(pattern):
        return f"{pattern!r} must be names, * (any one name) or {{pool}}, with slashes between them"
    return None


def allowed(secret: str, pool: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns names it for this pool; `#NAME` at its end does not count."""
    parts = secret.partition("#")[0].split("/")
    return any(_fits(parts, pattern.replace("{pool}", pool).split("/")) for pattern in patterns)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(parts) == len(pattern) and all(
        wanted in ("*", part) for part, wanted in zip(parts, pattern, strict=True)
    )
