"""docs/explanation/plans.md shows what plans do."""

from tests.support.plans_page import PAGE, commands, drawn, orders


def test_pictures_are_drawn_by_the_plans() -> None:
    """`python -m tests.support.plans_page` draws them anew."""
    page = PAGE.read_text()
    assert drawn(page) == page
    assert orders() in page
    assert commands() in page
