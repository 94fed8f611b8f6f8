"""docs/explanation/lives.md shows the tables of the core."""

from tests.support.lives_page import PAGE, TABLES, drawn, picture


def test_pictures_are_those_of_the_tables() -> None:
    """`python -m tests.support.lives_page` draws them anew."""
    page = PAGE.read_text()
    assert drawn(page) == page
    assert all(picture(rows) in page for rows in TABLES.values())
