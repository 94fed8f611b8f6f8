"""Which listeners of a structure cannot listen, and why."""

import socket
from collections.abc import Iterator

import pytest

from pool_executor.lbmgr.structure.content import Content
from pool_executor.lbmgr.structure.obstacles import Obstacles
from tests.unit.pool_executor.lbmgr.parts import backend, config, content, web

COMPLAINT = (
    "Binding [20-web.cfg:2] for frontend web: cannot bind UNIX socket (No such file or directory) [/x];"
    " [haproxy.main()] Some protocols failed to start their listeners! Exiting."
)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody holds."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_only_the_listener_whose_port_somebody_has_lacks_something(taken: int) -> None:
    """HAProxy's own listeners are no obstacle, nor are ports that the instance does not have."""
    other = config("20-other.cfg", "frontend other\n    bind 127.0.0.1:1\n", "other")
    found, obstacles = content(web(), other, backend("app")), Obstacles({"web": taken}, {})
    lacking = obstacles.of_listeners(found, None)
    assert lacking == {"20-web.cfg": f"port {taken} (web), which already has a listener on 127.0.0.1"}
    assert obstacles.of_listeners(content(web(lines="    default_backend app\n")), found) == {}
    assert Obstacles({}, {}).of_listeners(found, None) == {}
    assert obstacles.first(found, None) is None


def test_an_address_that_nobody_can_have_is_told(taken: int) -> None:
    """Where it stands in no part of its own, it is an obstacle to everything."""
    text = "frontend other\n    bind 192.0.2.1:8080\n"
    why = "192.0.2.1:8080 (8080), where it cannot listen: Cannot assign requested address"
    obstacles = Obstacles({}, {})
    assert obstacles.of_listeners(content(config("20-other.cfg", text, "other")), None) == {"20-other.cfg": why}
    assert obstacles.first(content(config("20-other.cfg", text)), None) == why


def test_what_haproxy_said_of_a_listener_keeps_it_out_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer each time; another text of it is another try."""
    now = [1000.0]
    monkeypatch.setattr("pool_executor.lbmgr.structure.obstacles.time.monotonic", lambda: now[0])
    obstacles, found = Obstacles({}, {}), content(web())
    why = "a place to listen, of which HAProxy says: cannot bind UNIX socket (No such file or directory) [/x]"
    for seconds in (60, 120, 240, 480, 600, 600):
        assert obstacles.failed(found, COMPLAINT)
        assert obstacles.of_listeners(found, None) == {"20-web.cfg": why}
        assert obstacles.of_listeners(content(web(lines="    maxconn 5\n")), None) == {}
        now[0] += seconds
        assert obstacles.of_listeners(found, None) == {}


def test_what_haproxy_said_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it listens, and when nobody has tried for long: the next failure is a first one."""
    now = [1000.0]
    monkeypatch.setattr("pool_executor.lbmgr.structure.obstacles.time.monotonic", lambda: now[0])
    obstacles, found = Obstacles({}, {}), content(web())
    for forget in (lambda: obstacles.served(found), lambda: now.__setitem__(0, now[0] + 2000.0)):
        assert obstacles.failed(found, COMPLAINT)
        forget()
        assert obstacles.of_listeners(found, None) == {}
        assert obstacles.failed(found, COMPLAINT)
        now[0] += 60
        assert obstacles.of_listeners(found, None) == {}
        obstacles.served(found)


def test_without_a_listener_to_blame_nothing_can_be_left_out() -> None:
    """Nor where something else cannot listen as well."""
    for found in (Content(), content(config("20-web.cfg", "frontend web\n"))):
        assert not Obstacles({}, {}).failed(found, COMPLAINT)
    both = COMPLAINT.replace("; ", "; Binding [30-backends-0a.cfg:2] for proxy x: cannot bind socket; ", 1)
    assert not Obstacles({}, {}).failed(content(web(), backend("app")), both)
    assert not Obstacles({}, {}).failed(content(web()), "something else")
