"""How a listener answers: what it compresses, and what it says itself."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.raw import printed
from scheduler.pools.words.answers import ERROR_STATUSES, content_type, media_type, page_content


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What is said with a status."""

    status: int
    content_type: str
    content: str

    def __post_init__(self) -> None:
        require(self.status in ERROR_STATUSES, "errorPages.status", f"HAProxy itself never answers {self.status}")
        require(content_type(self.content_type) is None, "errorPages.contentType", f"{self.content_type!r} is none")
        require(page_content(self.content) is None, "errorPages.content", "is no page")

    @property
    def words(self) -> str:
        """What HAProxy is told."""
        return printed(["status", str(self.status), "content-type", self.content_type, "string", self.content])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All of it."""

    compressed: tuple[str, ...] = ()
    """Types of what is compressed."""
    pages: tuple[ErrorPage, ...] = ()

    def __post_init__(self) -> None:
        for text in self.compressed:
            require(media_type(text) is None, "compression.types", f"{text!r} is no type")
