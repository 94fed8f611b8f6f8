"""Our own page: what comes from tasks and frameworks never becomes markup, and nothing is loaded from elsewhere."""

import re
from pathlib import Path

import sdk.local

PAGE = Path(sdk.local.__file__).with_name("page.html").read_text()


def test_nothing_makes_markup_of_text() -> None:
    """The page only ever sets text: none of the ways to turn a string into markup or code is in it."""
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment",
            "srcdoc", "eval(", "new Function", "setAttribute")  # fmt: skip
    assert [way for way in ways if way in PAGE] == []
    assert not re.search(r"setTimeout\(\s*[\"'`]", PAGE)


def test_links_are_http_only() -> None:
    """Where a link leads is set in one place, behind a check of its scheme."""
    assert re.findall(r"(if .{0,30})\.href = \w+", PAGE) == ["if (/^https?:/.test(url)) { a"]
    assert PAGE.count(".href =") == 1


def test_nothing_is_loaded_from_elsewhere() -> None:
    """It works without any other server: no scripts, styles, fonts or pictures of others."""
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc|<link|@import|url\(", PAGE)
    assert set(re.findall(r"https?://[^\s\"'`]*", PAGE)) <= {"http://${agents[id].pid.split("}


def test_until_the_first_answer_it_says_that_it_is_loading() -> None:
    """Empty tables look like an empty cluster: they are shown when the master has answered."""
    assert 'id="head">loading ...<' in PAGE
    hidden = PAGE[PAGE.index('<section id="all" hidden>') : PAGE.index("<script>")]
    assert all(f'<table id="{name}">' in hidden for name in ("agents", "frameworks", "tasks"))
    shown = PAGE.index('$("all").hidden = false')
    assert PAGE.index("function show(state)") < shown < PAGE.index('table("agents"')
