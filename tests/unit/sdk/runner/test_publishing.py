"""What a plugin publishes becomes events of single services."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from sdk.core.events import Event, TargetChanged, TargetRefused, TargetsListed, TargetWithdrawn
from sdk.errors import InvalidSpec
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec
from sdk.runner.publishing import PublishedTargets

TASK = TaskSpec(name="server", cpus=100, mem=1000, command=CommandSpec(value="x"))


def service(name: str, count: int = 1) -> ServiceSpec:
    return ServiceSpec(name=name, pods=(PodSpec(name="p", count=count, tasks=(TASK,)),))


class Desk:
    """A plugin's targets, and what came of them."""

    def __init__(self) -> None:
        self.targets = PublishedTargets(self._post)
        self._events: list[Event] = []

    def _post(self, events: Iterable[Event], listed: Event | None) -> None:
        self._events.extend([*([] if listed is None else [listed]), *events])

    def told(self) -> list[Event]:
        """Since the last look."""
        events, self._events = self._events, []
        return events


def test_one_service_is_one_event() -> None:
    """Whatever else there is."""
    desk = Desk()
    desk.targets.publish_all({f"s{index}": service(f"s{index}") for index in range(10)})
    assert len(desk.told()) == 11
    changed = service("s3", 2)
    desk.targets.publish(changed)
    assert desk.told() == [TargetChanged(service="s3", spec=changed)]
    desk.targets.withdraw("s3")
    assert desk.told() == [TargetWithdrawn(service="s3")]


def test_an_object_that_was_taken_is_no_news() -> None:
    """The list of names neither, unless it changes."""
    desk = Desk()
    web, api = service("web"), service("api")
    desk.targets.publish_all({"web": web, "api": api})
    desk.told()
    desk.targets.publish_all({"web": web, "api": api})
    desk.targets.publish(web)
    assert desk.told() == []
    desk.targets.publish_all({"web": web})
    assert desk.told() == [TargetsListed(services=frozenset({"web"}))]
    desk.targets.publish_all({"web": web, "api": api})
    assert desk.told() == [TargetsListed(services=frozenset({"web", "api"})), TargetChanged(service="api", spec=api)]


def test_single_services_count_in_the_list() -> None:
    """A list that lacks what was published by itself removes it."""
    desk = Desk()
    desk.targets.publish_all({"web": service("web")})
    desk.targets.publish(service("api"))
    desk.told()
    web = service("web", 2)
    desk.targets.publish_all({"web": web})
    assert desk.told() == [TargetsListed(services=frozenset({"web"})), TargetChanged(service="web", spec=web)]


def test_a_bad_member_is_refused_alone() -> None:
    """The caller hears of it, and so does the framework; it is looked at again each time."""
    desk = Desk()
    bad = replace(service("bad"), pods=())
    for _ in range(2):
        refused = desk.targets.publish_all({"bad": bad, "web": service("web")})
        assert list(refused) == ["bad"]
        assert desk.told()[-2:] == [
            TargetRefused(service="bad", why="bad.pods: has to hold at least one pod"),
            TargetChanged(service="web", spec=service("web")),
        ]
    with pytest.raises(InvalidSpec, match=r"bad.pods: has to hold"):
        desk.targets.publish(bad)
    assert desk.told() == [TargetRefused(service="bad", why="bad.pods: has to hold at least one pod")]


def test_what_is_kept_is_listed() -> None:
    """It stays as it is."""
    desk = Desk()
    desk.targets.publish_all({"web": service("web")}, keep=["api"])
    assert desk.told()[0] == TargetsListed(services=frozenset({"web", "api"}))


@pytest.mark.parametrize("odd", [None, 5, {"name": "web"}])
def test_what_is_no_service_is_refused(odd: object) -> None:
    """Without a name nothing is told to the framework."""
    desk = Desk()
    with pytest.raises(InvalidSpec, match="has to be a ServiceSpec"):
        desk.targets.publish(odd)  # type: ignore[arg-type]
    assert desk.told() == []
    assert list(desk.targets.publish_all({5: service("web")})) == ["5"]  # type: ignore[dict-item]
