"""How long a reload that failed is left alone."""

from pool_executor.lbmgr.structure.backoff import FailedReload
from tests.unit.pool_executor.lbmgr.parts import backend, content


def test_another_structure_is_tried_sooner_than_the_same() -> None:
    """It may be the cure; the same structure fails again unless something outside of it changed."""
    one, other = content(backend("a")), content(backend("a", "b"))
    failed = FailedReload(structure=one.key, at=100.0)
    assert 100.0 < failed.not_before(other.key) < failed.not_before(content(backend("a")).key)
