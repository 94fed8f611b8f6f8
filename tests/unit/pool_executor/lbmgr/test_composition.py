"""The files that HAProxy reads, and whose line is wrong."""

from pool_executor.contract import State
from pool_executor.lbmgr.structure.composition import Composition
from pool_executor.lbmgr.structure.content import PartText, ServerRef
from tests.unit.pool_executor.lbmgr.parts import backend, content, server

CONTENT = content(backend("app", "other", options={"": "check"}))
SERVERS = {
    "app": {"b": server("b", 2), "a": server("a", 1, state=State.DRAIN), "c": server("c", 3)},
    "other": {"x": server("x", 4)},
    "gone": {"y": server("y", 5)},
}


def test_servers_stand_below_their_marker_in_the_order_of_their_names() -> None:
    """Those of a backend that is not there stand nowhere."""
    lines = [
        line for line in Composition(CONTENT, SERVERS).texts["30-backends-0a.cfg"].split("\n") if "server " in line
    ]
    assert lines == [
        "    server a 10.0.0.1:1 id 97 check weight 0",
        "    server b 10.0.0.1:2 id 98 check",
        "    server c 10.0.0.1:3 id 99 check",
        "    server x 10.0.0.1:4 id 120 check",
    ]


def test_what_haproxy_has_read_is_what_stands_there() -> None:
    """One that drains is there with a weight of 0, which the fast path then sets right."""
    composition = Composition(CONTENT, SERVERS, {ServerRef("app", "b")})
    assert composition.servers == {
        "app": {"a": server("a", 1, weight=0), "c": server("c", 3)},
        "other": {"x": server("x", 4)},
    }
    assert " b 10.0.0.1" not in composition.texts["30-backends-0a.cfg"]


def test_what_goes_in_between_stands_nowhere_any_more() -> None:
    """Only the files that held it are made anew."""
    composition = Composition(CONTENT, SERVERS).without({ServerRef("app", "b")})
    assert composition.texts_with({"gone"}) == {}
    assert composition.texts_with({"app"}) == {"30-backends-0a.cfg": composition.texts["30-backends-0a.cfg"]}
    assert " b 10.0.0.1" not in composition.texts["30-backends-0a.cfg"]
    assert composition.servers["app"].keys() == {"a", "c"}


def test_a_complaint_about_a_line_names_its_server() -> None:
    """Lines of structure are nobody's, and a server that is left out moves the others up."""
    composition = Composition(CONTENT, SERVERS, {ServerRef("app", "a")})
    complaint = (
        "parsing [30-backends-0a.cfg:5] : 'server app/c' : could not resolve; "
        "parsing [/x/30-backends-0a.cfg:9] : 'server other/x' : no port; parsing [30-backends-0a.cfg:2] : bad balance; "
        "parsing [10-global.cfg:1] : no"
    )
    assert composition.blamed(complaint) == {
        ServerRef("app", "c"): "'server app/c' : could not resolve",
        ServerRef("other", "x"): "'server other/x' : no port",
    }
    assert composition.blamed("config : 'server app/b' : id in use") == {ServerRef("app", "b"): "id in use"}
    assert composition.blamed("'server app/a' : is left out; 'server gone/y' : is nowhere") == {}


def test_a_complaint_is_told_with_the_lines_that_are_published() -> None:
    """Servers are not published with the text: a line of one is that of its marker."""
    published = CONTENT.parts["30-backends-0a.cfg"].text.split("\n")
    composition = Composition(CONTENT, SERVERS)
    composed = composition.texts["30-backends-0a.cfg"].split("\n")
    for line, text in enumerate(composed, 1):
        told = composition.published(f"parsing [30-backends-0a.cfg:{line}] : bad; [10-global.cfg:3] : no")
        number = int(told.partition(":")[2].partition("]")[0])
        assert published[number - 1] == text or text.startswith("    server ")
        assert told.endswith("[10-global.cfg:3] : no")


def test_a_specimen_has_one_server_of_each_kind_below_each_marker() -> None:
    """It is the same whatever servers there are, and has no maps."""
    found = content(
        backend("app", options={"": "check", "big": "check weight 9"}), PartText.made("x.map", "map", "k v\n")
    )
    for servers in (SERVERS, {}):
        text = Composition(found, servers).specimen
        assert [line for line in text.split("\n") if "    server " in line] == [
            "    server sample-1 127.0.0.1:1 id 1 check",
            "    server sample-2 127.0.0.1:1 id 2 check weight 9",
        ]
        assert text.startswith("global\n")
        assert "k v" not in text
