"""Pauses."""

from pool_executor.lbmgr.backoff import FailedReload
from pool_executor.lbmgr.content import Content, PartText, structure_of


def content(text: str) -> Content:
    return Content(parts={"30.cfg": PartText.of("30.cfg", "config", text)})


def test_the_structure_that_failed_waits_longest() -> None:
    """Other servers are no other structure; a cure is tried soon, and not at once either."""
    failed = FailedReload(structure=structure_of(content("backend a\n    server x 10.0.0.1:1 id 1\n")), at=100.0)
    assert failed.not_before(structure_of(content("backend a\n    server y 10.0.0.1:2 id 2\n"))) == 160.0
    assert failed.not_before(structure_of(content("backend b\n"))) == 105.0
