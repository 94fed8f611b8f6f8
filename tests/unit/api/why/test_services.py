"""Which services select a task, and what it becomes by each."""

from api.dcos_template.selecting.asking import services_told
from api.dcos_template.selecting.selection import Selection
from api.mesos_listener.task import Port
from scheduler.pools.model import Endpoint
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task


def test_each_service_that_selects_a_task_is_told_with_its_servers() -> None:
    """Of all pools, in the order of their names."""
    selection = Selection()
    for name in ("web", "api"):
        selection.set_pool(pool(name, frontend("f", "app"), backend("app", service(task_name="shop"))))
    selection.set_pool(
        pool("odd", frontend("f", "app"), backend("app", service(Endpoint(all_ports=True), task_name="shop")))
    )
    selection.set_pool(pool("other", frontend("f", "app"), backend("app", service(task_name="blog"))))
    shop = task("shop", agent_address="10.0.0.9", ports=(Port(name="http", number=31000),))
    selection.update([shop], ())
    told = services_told(selection, shop.key)
    assert [(one["pool"], one["backend"]) for one in told] == [("api", "app"), ("odd", "app"), ("web", "app")]
    assert [one["servers"] for one in told] == [[{"at": "10.0.0.9:31000", "state": "ready"}]] * 3


def test_a_service_by_which_a_task_is_no_server_is_told_with_the_reason() -> None:
    """It has no such port, or is not healthy."""
    selection = Selection()
    wanted = service(Endpoint(port_name="web"), task_name="shop")
    selection.set_pool(pool("web", frontend("f", "app"), backend("app", wanted)))
    shop = task("shop", ports=(Port(name="http", number=31000),))
    selection.update([shop], ())
    [told] = services_told(selection, shop.key)
    assert (told["servers"], told["leftOut"]) == ([], "task shop has no port named web; it has http")
    selection.update([task("shop", healthy=False)], ())
    [told] = services_told(selection, shop.key)
    assert (told["servers"], told["leftOut"]) == ([], "task shop is not healthy")


def test_a_task_that_nothing_selects_or_that_is_not_known_has_none() -> None:
    """It is no error to ask."""
    selection = Selection()
    shop = task("shop")
    assert services_told(selection, shop.key) == []
    selection.update([shop], ())
    assert services_told(selection, shop.key) == []
