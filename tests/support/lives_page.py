"""The pictures in docs/explanation/lives.md are drawn from the tables of the core.

`python -m tests.support.lives_page` draws them anew.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sdk.core import reservation_life, task_life

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "lives.md"
Row = tuple[str, str, str]
"""A stage, what is learned, and the stage that follows."""
TABLES: Mapping[str, Sequence[Row]] = {
    "task": [(stage, word, following) for (stage, word), following in task_life.LIFE.items()],
    "reservation": [(stage, word, following) for (stage, word), following in reservation_life.LIFE.items()],
}


def picture(rows: Sequence[Row]) -> str:
    """A table as an arrow for each row; stages stand in the order of the table."""
    stages = list(dict.fromkeys(stage for stage, _, _ in rows))
    begin, middle = max(map(len, stages)), max(len(word) for _, word, _ in rows)
    lines: list[str] = []
    before = ""
    for stage, word, following in sorted(rows, key=lambda row: stages.index(row[0])):
        name = "" if stage == before else stage
        lines.append(f"{name:<{begin}} ── {word} {'─' * (middle - len(word))}──> {following}")
        before = stage
    return "\n".join(lines)


def drawn(page: str) -> str:
    """The page with both pictures as they are now."""
    for name, rows in TABLES.items():
        mark = f"<!-- the life of a {name} -->\n\n```text\n"
        before, found, rest = page.partition(mark)
        page = f"{before}{found}{picture(rows)}\n```{rest.partition('```')[2]}" if found else page
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
