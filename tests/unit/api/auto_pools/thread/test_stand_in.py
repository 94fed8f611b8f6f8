"""Which text of a pool template serves while another one cannot be printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.templates.language.meaning import Meaning, default_meaning
from api.auto_pools.thread.stand_in import Fault, Text, stand_in, words

LINES = ((2, "frontend"), (5, "backend"), (9, "tasks"))
LAYERED = Meaning(pool=default_meaning("web").pool, printed=frozenset({"frontend", "backend", "tasks"}), lines=LINES)
WHOLE = Meaning(pool=default_meaning("web").pool, whole=True)
NEW, OLD = Text(text="new"), Text(text="old")


def test_the_last_text_that_was_printed_goes_on() -> None:
    """Whatever the new one is, and whether it can be read."""
    for meaning in (None, LAYERED, WHOLE):
        assert stand_in(NEW, "no", meaning, stored="new", printed="old") == OLD
        assert stand_in(NEW, "no", meaning, stored="new", printed="") == Text(text="")


@pytest.mark.parametrize(("line", "block"), [(2, "frontend"), (4, "frontend"), (5, "backend"), (8, "backend")])
def test_of_a_text_that_was_printed_before_the_block_that_fails_is_left_out(line: int, block: str) -> None:
    """The others are still in force."""
    found = stand_in(NEW, f"pool template line {line}: cannot be printed", LAYERED, stored="new", printed="new")
    assert found == Text(text="new", without=frozenset({block}))


def test_where_nobody_knows_which_block_fails_all_are_left_out() -> None:
    """Those that are printed for single objects."""
    objects = Meaning(pool=LAYERED.pool, printed=frozenset({"frontend", "backend"}), lines=LINES[:2])
    found = stand_in(NEW, "pool template: is too slow", objects, stored="new", printed="new")
    assert found == Text(text="new", without=objects.printed)


def test_a_pool_never_serves_whom_its_text_kept_away() -> None:
    """By a password or networks of clients, or by choosing who takes part: it stays as it is."""
    choosing = stand_in(NEW, "pool template line 99: no", LAYERED, stored="new", printed="new")
    assert choosing is stand_in(NEW, "pool template: is too slow", LAYERED, stored="new", printed="new") is None
    for field in ("basicAuth", "clients", "clientCertificates", "limits", "bindAddress"):
        kept = f'{{% block backend %}}{{"{field}": {{}}}}{{% endblock %}}'
        for meaning in (None, LAYERED):
            assert stand_in(Text(text=kept), "pool template line 2: no", meaning, stored=kept, printed=kept) is None


def test_a_pool_that_its_text_made_whole_stays_as_it_is() -> None:
    """Any other would have other load balancers and other hosts."""
    assert stand_in(NEW, "no", WHOLE, stored="new", printed="new") is None
    assert stand_in(OLD, "no", WHOLE, stored="new", printed="old") is None


@given(
    stored=st.sampled_from(["", "a", "b"]),
    printed=st.sampled_from(["", "a", "b"]),
    whys=st.lists(st.integers(0, 12).map("pool template line {}: no".format), min_size=12, max_size=12),
    kinds=st.tuples(*[st.sampled_from(["unreadable", "layered", "whole"])] * 2),
)
def test_whatever_fails_there_is_an_end(stored: str, printed: str, whys: list[str], kinds: tuple[str, str]) -> None:
    """No text is tried twice, and the last one is the default, unless a pool stays that another text might open."""
    text, seen = Text(text=stored), set[Text]()
    for why in whys:
        assert text not in seen
        seen.add(text)
        kind = dict(zip("ab", kinds, strict=True)).get(text.text, "default")
        meaning = {
            "unreadable": None,
            "layered": Meaning(pool=LAYERED.pool, printed=LAYERED.printed - text.without, lines=LINES),
            "whole": WHOLE,
            "default": default_meaning("web"),
        }[kind]
        following = stand_in(text, why, meaning, stored=stored, printed=printed)
        if following is None:
            assert text.text == "" or (kind != "unreadable" and text.text == printed)
            return
        text = following
    pytest.fail(f"no end: {text}")


def test_people_are_told_what_serves_instead() -> None:
    """And since when."""
    fault = Fault(why="pool template line 2: no", since=0.0)
    said = {
        None: "no pool is made of it",
        NEW: "the pool stays as it was",
        Text(text="new", without=frozenset({"b", "a"})): "its text serves without the blocks a, b",
        OLD: "the text before it serves",
        Text(text=""): "the default text serves",
    }
    for serving, told in said.items():
        found = words(serving, fault, stored="new")
        assert found == f"pool template line 2: no (since 1970-01-01T00:00:00Z; {told})"
