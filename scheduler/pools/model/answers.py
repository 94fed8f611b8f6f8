"""How a frontend answers: what it compresses, and what it says itself."""

from dataclasses import dataclass

#: What is text, and grows small.
COMPRESSED = (
    "application/javascript",
    "application/json",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/xml",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """Answers of these types are compressed (gzip) for clients that take it, if their servers have not done so."""

    types: tuple[str, ...] = COMPRESSED


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What HAProxy itself says with this status, instead of its own page."""

    status: int
    content: str
    content_type: str = "text/html; charset=utf-8"
