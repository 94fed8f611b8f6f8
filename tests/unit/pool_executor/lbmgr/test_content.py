"""What an instance can serve of a structure."""

from pool_executor.contract import Waiting
from pool_executor.lbmgr.structure.content import fit
from tests.unit.pool_executor.lbmgr.parts import backend, config, content, web


def test_everything_is_served_where_all_ports_are_there() -> None:
    """Nothing waits, and the ports are known by the variables that use them."""
    wanted = content(web(), backend("app"))
    fitted = fit(wanted.parts, {"web": 80}, None, keep=True)
    assert fitted.content.same(wanted)
    assert (fitted.waiting, fitted.listens) == ((), True)
    assert fitted.content.ports == {"PORT_WEB": "web"}
    assert list(fitted.content.backends) == ["app"]


def test_a_listener_without_its_port_waits_alone() -> None:
    """It is left out and named with what is missing; the others are served."""
    other = config("20-other.cfg", "frontend other\n", "other", PORT_X="x", PORT_B="b")
    fitted = fit(content(web(), other).parts, {"web": 80}, None, keep=True)
    assert fitted.waiting == (Waiting(listener="other", missing=("the port b", "the port x")),)
    assert "20-other.cfg" not in fitted.content.parts
    assert fitted.listens
    assert not fit(content(other).parts, {}, None, keep=True).listens


def test_a_listener_that_waits_stays_as_it_was() -> None:
    """Its old port goes on until the task with the new one is there, unless that is not asked for."""
    running, wanted = content(web()), content(web("admin"))
    fitted = fit(wanted.parts, {"web": 80}, running, keep=True)
    assert fitted.content.parts["20-web.cfg"] == running.parts["20-web.cfg"]
    assert [one.listener for one in fitted.waiting] == ["web"]
    assert "20-web.cfg" not in fit(wanted.parts, {"web": 80}, running, keep=False).content.parts
    # What it was needs something that is not there either.
    assert "20-web.cfg" not in fit(wanted.parts, {}, running, keep=True).content.parts
