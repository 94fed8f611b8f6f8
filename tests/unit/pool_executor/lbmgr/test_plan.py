"""Which way leads from one structure to the next."""

from pool_executor.lbmgr.haproxy.orders import ReplaceMap, Run
from pool_executor.lbmgr.structure.content import PartText
from pool_executor.lbmgr.structure.plan import Dynamic, Noop, Reload, plan
from tests.unit.pool_executor.lbmgr.parts import backend, config, content


def entries(name: str, text: str) -> PartText:
    return PartText.made(name, "map", text)


def test_the_first_content_is_loaded() -> None:
    """Without a running HAProxy everything is a reload."""
    assert plan(None, content(backend("app"))) == Reload(reason="first configuration")


def test_equal_content_is_a_noop() -> None:
    """The same parts need nothing, whatever the head's version."""
    assert plan(content(backend("app")), content(backend("app"))) == Noop()


def test_map_entries_are_edited_at_run_time() -> None:
    """Other comments are no change, and a list of rules is replaced as a whole."""
    before = content(entries("x.map", "a b\n"), entries("y.map", "# old\na b\n"))
    after = content(entries("x.map", "a c\nb c\n"), entries("y.map", "# new\na b\n"))
    assert plan(before, after) == Dynamic(commands=(ReplaceMap("x.map", ("a c", "b c")),), reason="1 map changed")


def test_lines_are_there_before_another_map_leads_to_them() -> None:
    """The order of maps.py over all maps: routes come, hosts change, routes go."""
    before = content(entries("hosts-w.map", "* g1\n"), entries("routes-w.map", "g1|/ one\n"))
    after = content(entries("hosts-w.map", "* g2\n"), entries("routes-w.map", "g2|/ two\n"))
    found = plan(before, after)
    assert isinstance(found, Dynamic)
    assert found.commands == (
        Run("add map {maps}/routes-w.map g2|/ two"),
        Run("set map {maps}/hosts-w.map * g2"),
        Run("del map {maps}/routes-w.map g1|/"),
    )


def test_everything_else_is_loaded_and_the_reason_names_what_is_different() -> None:
    """A section that is new, gone or changed; a file; another kind of change beside it."""
    base = content(backend("app"))
    assert plan(base, content(backend("app", "new"))) == Reload(reason="30-backends-0a.cfg: backend new is new")
    assert plan(content(backend("app", "old")), base) == Reload(reason="30-backends-0a.cfg: backend old is gone")
    changed = content(backend("app", lines="    balance leastconn\n"))
    assert plan(base, changed) == Reload(reason="30-backends-0a.cfg: backend app changed")
    other_options = content(backend("app", options={"": "check"}))
    assert plan(base, other_options) == Reload(reason="30-backends-0a.cfg: backend app changed")
    assert plan(base, content(backend("app"), entries("x.map", ""))) == Reload(reason="x.map: the file is new or gone")
    many = content(backend("app"), *(config(f"4{number}.cfg", f"backend b{number}\n") for number in range(5)))
    found = plan(base, many)
    assert isinstance(found, Reload)
    assert found.reason.endswith("and 2 more")
