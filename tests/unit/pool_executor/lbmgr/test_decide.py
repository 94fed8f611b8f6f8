"""Which way leads from one bundle to the next."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool_executor.bundle import Server
from pool_executor.lbmgr.content import Content, PartText, ServerRef
from pool_executor.lbmgr.decide import decide, not_before
from pool_executor.lbmgr.decision import Decision, Dynamic, Noop, Reject, Reload, ReplaceMap, Run, Waiting
from pool_executor.lbmgr.runtime import capabilities

HAPROXY = capabilities("2.6.12-1+deb12u4")
GLOBAL = "global\n    maxconn 10\ndefaults\n    mode http\n"


def content(ports: Mapping[str, str] | None = None, **parts: str) -> Content:
    """`app` is 30-backends-0a.cfg, `map` is x.map, `glob` is 10-global.cfg."""
    names = {"app": "30-backends-0a.cfg", "map": "x.map", "glob": "10-global.cfg", "front": "20-frontends.cfg"}
    texts = {names[key]: text for key, text in ({"glob": GLOBAL} | parts).items()}
    return Content(
        parts={
            name: PartText.of(name, "map" if name.endswith(".map") else "config", text) for name, text in texts.items()
        },
        ports=ports or {},
    )


def backend(*servers: str, lines: str = "    balance roundrobin\n", name: str = "app") -> str:
    """A backend with server lines given as `name port options`."""
    made = ""
    for server in servers:
        name_, port, *options = server.split()
        number = sum(map(ord, name_))
        made += f"    server {name_} 10.0.0.1:{port} id {number}{''.join(f' {option}' for option in options)}\n"
    return f"backend {name}\n{lines}{made}"


def way(before: Content | None, after: Content, retired: Mapping[ServerRef, Server] | None = None) -> Decision:
    return decide(before, after, ["web"], HAPROXY, retired or {})


def lines(decision: Decision) -> list[str]:
    assert isinstance(decision, Dynamic), decision
    return [command.line for command in decision.commands if isinstance(command, Run)]


def test_the_first_content_is_loaded() -> None:
    """Without a running HAProxy everything is a reload."""
    assert way(None, content(app=backend())) == Reload(reason="first configuration")


def test_equal_content_is_a_noop() -> None:
    """The same parts need nothing, whatever the head's version."""
    assert way(content(app=backend("a 1")), content(app=backend("a 1"))) == Noop()


def test_reloads_of_structure_keep_a_distance() -> None:
    """Each leaves a worker behind; what takes a server out, or needs no reload, never waits."""
    structural = Reload(reason="frontend web is new")
    assert not_before(structural, 100.0) > 100.0
    gone = Server(name="b", address="10.0.0.1", port=2, id=98)
    removal = Reload(reason="frontend web is new", retired={ServerRef("app", "b"): gone})
    assert not_before(removal, 100.0) == 100.0
    assert not_before(Dynamic(commands=(), reason="1 server added"), 100.0) == 100.0


def test_a_port_that_is_not_there_is_waited_for() -> None:
    """Content that uses ports of the next task is not applied, and the ports are named."""
    decision = way(content(), content({"PORT_WEB": "web", "PORT_X": "x", "PORT_B": "b"}, app=backend()))
    assert decision == Waiting(missing=("b", "x"))
    assert decision.reason == "waiting for a task with the ports b, x"


def test_content_without_configuration_is_rejected() -> None:
    """A bundle of maps alone would leave HAProxy without listeners."""
    only_map = Content(parts={"x.map": PartText.of("x.map", "map", "a b\n")})
    assert isinstance(way(None, only_map), Reject)


def test_added_servers_are_added_with_all_options_and_started() -> None:
    """`add server` repeats id and options; the check is enabled before the server is made ready."""
    decision = way(content(app=backend("a 1")), content(app=backend("a 1", "b 2 check weight 5")))
    assert lines(decision) == [
        "add server app/b 10.0.0.1:2 id 98 check weight 5",
        "enable health app/b",
        "set server app/b state ready",
    ]
    assert isinstance(decision, Dynamic)
    assert decision.reason == "1 server added"


def test_a_removed_server_goes_into_maintenance_and_is_remembered() -> None:
    """Requests under way finish; deletion comes when there are none."""
    decision = way(content(app=backend("a 1", "b 2")), content(app=backend("a 1")))
    assert lines(decision) == ["set server app/b state maint"]
    assert isinstance(decision, Dynamic)
    assert set(decision.retired) == {ServerRef("app", "b")}
    assert decision.reason == "1 server removed"


def test_additions_come_before_removals() -> None:
    """A backend that is replaced as a whole has servers at every moment."""
    decision = way(content(app=backend("a 1", "b 2")), content(app=backend("c 3", "d 4")))
    commands = lines(decision)
    assert commands.index("set server app/d state ready") < commands.index("set server app/a state maint")
    assert isinstance(decision, Dynamic)
    assert decision.reason == "2 servers added, 2 removed"


def test_a_moved_server_is_readdressed() -> None:
    """Another address or port under the same name is set in place."""
    decision = way(content(app=backend("a 1")), content(app=backend("a 2")))
    assert lines(decision) == ["set server app/a addr 10.0.0.1 port 2"]
    assert isinstance(decision, Dynamic)
    assert decision.reason == "1 server re-addressed"


def test_weight_maxconn_and_disabled_change_in_place() -> None:
    """What HAProxy can set at run time needs no reload; a weight that disappears is 1."""
    before = content(app=backend("a 1 maxconn 5 weight 9", "b 2", "c 3 disabled"))
    after = content(app=backend("a 1 maxconn 6", "b 2 disabled", "c 3"))
    decision = way(before, after)
    assert lines(decision) == [
        "set server app/a weight 1",
        "set maxconn server app/a 6",
        "set server app/b state maint",
        "set server app/c state ready",
    ]
    assert isinstance(decision, Dynamic)
    assert decision.reason == "3 servers changed"


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (backend("a 1", "b 2 cookie x"), "does not take the option cookie at run time"),
        (backend("a 1", "b 2 resolvers dns"), "does not take the option resolvers"),
        (backend("a 1 check"), "server app/a differs in check"),
        (backend("a 1 maxconn 3"), "server app/a differs in maxconn"),
        (backend("a 1").replace("id 97", "id 98"), "server app/a has another id"),
        (backend("a 1").replace("10.0.0.1", "db.example"), "changes its address and a name is involved"),
        (backend("a 1") + "    server b db.example:1 id 5\n", "is a name, which only the file can resolve"),
        (backend("a 1", "a 2"), "names a server twice"),
        (backend("a 1", lines="    balance leastconn\n"), "30-backends-0a.cfg: backend app changed"),
        (backend("a 1") + backend(name="new"), "30-backends-0a.cfg: backend new is new"),
    ],
)
def test_what_cannot_be_done_at_run_time_is_a_reload_with_its_reason(after: str, reason: str) -> None:
    """Each difference outside the few known ones names itself."""
    decision = way(content(app=backend("a 1")), content(app=after))
    assert isinstance(decision, Reload)
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("lines_", "reason"),
    [
        ("    balance source\n", "balances by source"),
        ("    balance static-rr\n", "balances by static-rr"),
        ("    default-server check\n", "default-server"),
    ],
)
def test_backends_that_take_no_server_at_run_time_reload(lines_: str, reason: str) -> None:
    """Static balances refuse added servers, and a default-server line would not apply to them."""
    decision = way(content(app=backend("a 1", lines=lines_)), content(app=backend("a 1", "b 2", lines=lines_)))
    assert isinstance(decision, Reload)
    assert reason in decision.reason


def test_hash_balances_take_servers_when_consistent() -> None:
    """`hash-type consistent` makes a hash balance dynamic, also when it is inherited from defaults."""
    glob = GLOBAL + "    balance uri\n    hash-type consistent\n"
    before, after = (
        content(glob=glob, app=backend("a 1", lines="")),
        content(glob=glob, app=backend("a 1", "b 2", lines="")),
    )
    assert isinstance(way(before, after), Dynamic)
    static = glob.replace("consistent", "map-based")
    assert isinstance(
        way(
            content(glob=static, app=backend("a 1", lines="")),
            content(glob=static, app=backend("a 1", "b 2", lines="")),
        ),
        Reload,
    )


def test_dynamic_cookies_are_enabled_for_each_new_server() -> None:
    """Without the command the cookie of an added server comes back empty."""
    sticky = "    cookie SRV insert indirect nocache dynamic\n    dynamic-cookie-key secret\n"
    decision = way(content(app=backend("a 1", lines=sticky)), content(app=backend("a 1", "b 2", lines=sticky)))
    assert lines(decision) == [
        "add server app/b 10.0.0.1:2 id 98",
        "enable dynamic-cookie backend app",
        "set server app/b state ready",
    ]


def test_a_server_that_returns_before_it_was_deleted_is_revived() -> None:
    """The same line again only has to come out of maintenance; another one takes the place of the old."""
    ref = ServerRef("app", "b")
    left = Server(name="b", address="10.0.0.1", port=2, id=98)
    same = way(content(app=backend("a 1")), content(app=backend("a 1", "b 2")), {ref: left})
    assert lines(same) == ["set server app/b state ready"]
    assert isinstance(same, Dynamic)
    assert same.revived == (ref,)
    other = way(content(app=backend("a 1")), content(app=backend("a 1", "b 3")), {ref: left})
    assert lines(other)[:2] == ["del server app/b", "add server app/b 10.0.0.1:3 id 98"]


def test_a_reload_takes_gone_servers_from_the_leaving_worker_unless_none_would_be_left() -> None:
    """The leaving worker takes no orders later; but without any server it would answer 503 for a while."""
    more = "backend new\n"
    decision = way(content(app=backend("a 1", "b 2")), content(app=backend("a 1") + more))
    assert isinstance(decision, Reload)
    assert set(decision.retired) == {ServerRef("app", "b")}
    decision = way(content(app=backend("a 1", "b 2")), content(app=backend("c 1") + more))
    assert isinstance(decision, Reload)
    assert not decision.retired


@pytest.mark.parametrize(
    ("after", "command"),
    [
        ("a x\nb y\nc z\n", Run("add map {maps}/x.map c z")),
        ("a x\n", Run("del map {maps}/x.map b")),
        ("a x\nb n\n", Run("set map {maps}/x.map b n")),
        ("c z\na x\nb y\n", ReplaceMap("x.map", ("c z", "a x", "b y"))),
        ("a x\nb y z\n", ReplaceMap("x.map", ("a x", "b y z"))),
        ("a 1\nb 2\n", ReplaceMap("x.map", ("a 1", "b 2"))),
        ("", ReplaceMap("x.map", ())),
        ("a x\nb y\nb z\n", ReplaceMap("x.map", ("a x", "b y", "b z"))),
        ("a x\nb y\n(;) z\n", ReplaceMap("x.map", ("a x", "b y", "(;) z"))),
    ],
)
def test_a_map_is_edited_when_one_entry_differs_and_replaced_otherwise(after: str, command: Run | ReplaceMap) -> None:
    """Order counts in maps of regexes, so an insertion that is not at the end replaces the whole map."""
    decision = way(content(app=backend(), map="a x\nb y\n"), content(app=backend(), map=after))
    assert isinstance(decision, Dynamic)
    assert decision.commands == (command,)
    assert decision.reason == "1 map changed"


def test_comments_in_a_map_change_nothing_at_run_time() -> None:
    """Only the file differs then."""
    decision = way(content(app=backend(), map="a x\n"), content(app=backend(), map="# new\n\na x\n"))
    assert isinstance(decision, Dynamic)
    assert decision.commands == ()


def test_a_map_that_appears_or_goes_is_a_reload() -> None:
    """HAProxy opens map files only when it loads."""
    assert isinstance(way(content(app=backend()), content(app=backend(), map="a x\n")), Reload)
    assert isinstance(way(content(app=backend(), map="a x\n"), content(app=backend())), Reload)


_SERVERS = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(st.integers(1, 9), st.sampled_from(["", " weight 3", " disabled"])),
    max_size=8,
)


@given(_SERVERS, _SERVERS)
def test_commands_lead_exactly_to_the_wanted_servers(
    before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]
) -> None:
    """Played on a model of HAProxy's servers, the commands give what the new file says, for any two server lists."""
    old = backend(*(f"{name} {port}{options}" for name, (port, options) in before.items()))
    new = backend(*(f"{name} {port}{options}" for name, (port, options) in after.items()))
    decision = way(content(app=old), content(app=new))
    if old == new:
        assert decision == Noop()
        return
    state = {
        name: [port, "3" if "weight" in options else "1", "disabled" in options]
        for name, (port, options) in before.items()
    }
    for line in lines(decision):
        match line.split():
            case ["add", "server", ref, address, "id", _, *options]:
                assert ref[4:] not in state
                state[ref[4:]] = [int(address.rpartition(":")[2]), "3" if "weight" in options else "1", True]
            case ["set", "server", ref, "state", word]:
                state[ref[4:]][2] = word == "maint"
            case ["set", "server", ref, "addr", _, "port", port]:
                state[ref[4:]][0] = int(port)
            case ["set", "server", ref, "weight", weight]:
                state[ref[4:]][1] = weight
            case other:
                raise AssertionError(other)
    assert isinstance(decision, Dynamic)
    for gone in decision.retired:
        assert state.pop(gone.name)[2] is True
    assert state == {
        name: [port, "3" if "weight" in options else "1", "disabled" in options]
        for name, (port, options) in after.items()
    }
