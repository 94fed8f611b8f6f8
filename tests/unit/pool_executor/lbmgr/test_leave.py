"""When an instance that leaves closes its listeners and cuts its connections."""

from pool_executor.lbmgr.leave import Leaving, ask


def test_a_quarter_of_the_grace_period_is_notice() -> None:
    """Who asks for health has that long to go elsewhere, and half a second is kept for ending by force."""
    assert ask(None, now=100.0, deadline=112.0) == Leaving(finish_at=103.0, cut_at=111.5)


def test_a_long_grace_period_belongs_to_the_connections() -> None:
    """Health checks need seconds, not minutes."""
    assert ask(None, now=100.0, deadline=700.0).finish_at == 105.0


def test_without_grace_everything_happens_at_once() -> None:
    """Also when the deadline passed before the request was seen."""
    late = ask(None, now=100.0, deadline=98.0)
    assert late.finish_at == 100.0
    assert late.cut_at < 100.0


def test_a_second_request_with_less_grace_shortens_notice_too() -> None:
    """A SHUTDOWN after a KILL leaves little time: the notice of the first must not use it up."""
    first = ask(None, now=100.0, deadline=700.0)
    assert ask(first, now=101.0, deadline=101.0) == Leaving(finish_at=101.0, cut_at=100.5)


def test_a_second_request_with_more_grace_changes_nothing() -> None:
    """The first was promised to somebody."""
    first = ask(None, now=100.0, deadline=104.0)
    assert ask(first, now=100.5, deadline=900.0) == first
