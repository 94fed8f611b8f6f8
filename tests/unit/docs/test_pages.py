"""Every page: its links lead somewhere, its commands exist with their options, its fences close."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from api.cli.main import cli
from tests.support.console import blocks, commands_in
from tests.support.wrapped import wrapped

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *(path for name in ("compat", "docs", "examples") for path in (ROOT / name).rglob("*.md"))]
SCRIPTS = {"bin/up", "bin/down", "bin/test", "bin/setup"}
#: A sentence per line, and what `--help` says.
UNFILLED = {"CHANGELOG.md", "docs/reference/cli.md"}
# What ends one command of a line and begins the next, as shlex gives it.
_SEPARATORS = set("();<>|&")

page_of_each = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def words_of_commands(text: str) -> Iterator[list[str]]:
    """The words of each simple command in a line of shell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in lexer:
        if set(token) <= _SEPARATORS:
            yield words
            words = []
        else:
            words.append(token)
    yield words


def command_lines(page: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, words) of each command of a page; of those of several lines the first one."""
    for number, text in commands_in(page.read_text()):
        for words in words_of_commands(text.splitlines()[0].replace("$(", " ( ")):
            if words:
                yield number, words


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page_of_each
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    """Relative ones; what is behind others is not ours."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "code", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, fragment = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        assert not fragment or fragment in anchors(there), target


@page_of_each
def test_pip_is_that_of_an_environment_which_the_page_makes(page: Path) -> None:
    """Debian has python3 and no pip, and lets nobody install into its own Python."""
    made = {".venv"}
    for number, words in command_lines(page):
        if words[:3] == ["python3", "-m", "venv"]:
            made.add(words[-1])
        if re.fullmatch(r"pip[0-9.]*", Path(words[0]).name):
            assert str(Path(words[0]).parent.parent) in made, f"line {number}: {' '.join(words)}"


@page_of_each
def test_edgelb_is_called_with_commands_and_options_that_exist(page: Path) -> None:
    """Also where the command is not run by a test."""
    for number, words in command_lines(page):
        if Path(words[0]).name != "edgelb":
            continue
        command: click.Command = cli
        rest = words[1:]
        context = click.Context(command)
        known = {"--help", "-h"}
        while True:
            known |= {name for option in command.params for name in option.opts}
            if not (isinstance(command, click.Group) and rest and not rest[0].startswith("-")):
                break
            found = command.get_command(context, rest[0])
            assert found is not None, f"line {number}: {' '.join(words)}"
            command, rest = found, rest[1:]
        options = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
        assert options <= known, f"line {number}: {' '.join(words)}"


@page_of_each
def test_our_scripts_are_called_with_options_that_they_document(page: Path) -> None:
    """The usage line at the top of each script; bin/up hands on the options of `edgelb local up`."""
    for number, words in command_lines(page):
        script = next((word for word in words[:2] if word.startswith("bin/")), None)
        if script is None:
            continue
        assert script in SCRIPTS, f"line {number}: {script}"
        documented = set(re.findall(r"--[a-z-]+", "\n".join((ROOT / script).read_text().splitlines()[:12])))
        options = {word for word in words if word.startswith("--")}
        assert options <= documented, f"line {number}: {' '.join(words)}"


@page_of_each
def test_prose_fits_on_a_screen(page: Path) -> None:
    """Otherwise: `python -m tests.support.wrapped PAGE`."""
    if page.relative_to(ROOT).as_posix() not in UNFILLED:
        text = page.read_text()
        assert text == wrapped(text)


@page_of_each
def test_fences_close_and_name_their_language(page: Path) -> None:
    """A block without a language would escape the tests."""
    assert {block.language for block in blocks(page.read_text())} <= {"console", "sh", "text", "json", "python"}


def test_the_readme_begins_with_the_two_commands() -> None:
    """On its first screen."""
    first_screen = (ROOT / "README.md").read_text().splitlines()[:50]
    assert "bin/up" in first_screen
    assert "bin/test" in first_screen
