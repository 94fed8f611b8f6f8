"""The layout of a framework's nodes, and frames of effects as batches."""

from dataclasses import replace
from typing import Any

import pytest

from sdk.core.effects import (
    DeleteEarlier,
    DeleteFramework,
    DeletePlan,
    DeletePod,
    DeleteService,
    StoreEarlier,
    StoreFramework,
    StorePlan,
    StorePod,
    StoreTarget,
)
from sdk.errors import CorruptRecord, InvalidSpec, LeadershipLost
from sdk.framework_store import FrameworkStore, Stored
from sdk.framework_writes import batches
from sdk.model.ids import ConfigId, FrameworkId
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec
from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Check, Put, Remove, Write, packet_bytes, walk


@pytest.fixture
def persister() -> MemoryPersister:
    return MemoryPersister()


@pytest.fixture
def store(persister: MemoryPersister) -> FrameworkStore:
    return FrameworkStore(persister, "/r", "hello")


def _spec(name: str = "web", count: int = 1) -> ServiceSpec:
    task = TaskSpec(name="t", cpus=100, mem=1000, command=CommandSpec(value="x"))
    return ServiceSpec(name=name, pods=(PodSpec(name="p", count=count, tasks=(task,)),))


def _pod(index: int, service: str = "web") -> PodRecord:
    return PodRecord(service=service, pod="p", index=index)


def test_nothing_stored_loads_as_nothing(store: FrameworkStore) -> None:
    """A framework that never ran has no record and no services."""
    assert store.load() == Stored()


def test_what_was_stored_is_loaded(store: FrameworkStore, persister: MemoryPersister) -> None:
    """Identity, target and pods come back as they were written, below the documented paths."""
    record = FrameworkRecord(name="hello", framework_id=FrameworkId("f-1"), roles=("a",))
    store.apply(
        [
            StoreFramework(record=record),
            StoreTarget(config=ConfigId("c1"), spec=_spec()),
            StorePod(record=_pod(0)),
            StorePod(record=_pod(1)),
        ]
    )
    stored = store.load()
    assert stored.framework == record
    assert stored.services["web"].target == _spec()
    assert stored.services["web"].config == "c1"
    assert stored.services["web"].pods == {"p-0": _pod(0), "p-1": _pod(1)}
    assert persister.get("/r/frameworks/hello/services/web/target") == b'{"config":"c1"}'
    assert persister.children("/r/frameworks/hello/services/web/pods") == ("p-0", "p-1")


def test_of_old_configurations_the_last_is_kept(store: FrameworkStore, persister: MemoryPersister) -> None:
    """The target and the one before it stay, older ones go."""
    for number in range(1, 5):
        store.apply([StoreTarget(config=ConfigId(f"c{number}"), spec=_spec(count=number))])
    assert persister.children("/r/frameworks/hello/services/web/configs") == ("c3", "c4")
    assert store.load().services["web"].target == _spec(count=4)


def test_the_last_of_several_writes_counts(store: FrameworkStore) -> None:
    """A frame that stores, deletes and stores one pod ends as its last effect says."""
    store.apply([StorePod(record=_pod(0)), DeletePod(service="web", pod="p-0")])
    assert store.load().services == {}
    store.apply([DeleteService(service="web"), StorePod(record=_pod(2)), StorePod(record=_pod(2))])
    assert set(store.load().services["web"].pods) == {"p-2"}


def test_what_was_said_about_plans_is_loaded_until_it_is_deleted(store: FrameworkStore) -> None:
    """One node for each plan."""
    said = PlanRecord(service="web", plan="update", continued={"p": 1}, forced=frozenset({"p/p-0"}), about={"p": "c"})
    store.apply([StoreTarget(config=ConfigId("c1"), spec=_spec()), StorePlan(record=said)])
    assert store.load().services["web"].plans == {"update": said}
    store.apply([DeletePlan(service="web", plan="update")])
    assert store.load().services["web"].plans == {}


def test_a_plan_of_which_nothing_can_be_read_is_interrupted(store: FrameworkStore, persister: MemoryPersister) -> None:
    """It may have been an interrupt: an operator has to say that it goes on."""
    store.apply([StoreTarget(config=ConfigId("c1"), spec=_spec())])
    persister.apply([Put("/r/frameworks/hello/services/web/plans/update", b"{")])
    found = store.load().services["web"]
    assert found.target == _spec()
    assert found.plans["update"].interrupted
    assert "plans/update is not JSON" in str(found.plans["update"].why).replace(":", "")


def test_earlier_configurations_stay_until_they_are_deleted(store: FrameworkStore) -> None:
    """They are loaded with their service, as they were."""
    earlier = _spec(count=0).pods[0]
    store.apply(
        [
            StoreEarlier(service="web", config=ConfigId("e1"), spec=earlier),
            StoreTarget(config=ConfigId("c1"), spec=_spec()),
        ]
    )
    assert store.load().services["web"].earlier == {"e1": earlier}
    store.apply([DeleteEarlier(service="web", config=ConfigId("e1"))])
    assert store.load().services["web"].earlier == {}


def test_deleting_leaves_only_the_leadership_node(store: FrameworkStore, persister: MemoryPersister) -> None:
    """An uninstalled framework has no nodes but the one that keeps others out until the process stops."""
    persister.apply([Put(store.leader_path, b"me")])
    store.apply([StoreFramework(record=FrameworkRecord(name="hello")), StorePod(record=_pod(0))])
    store.apply([DeleteService(service="web")])
    assert store.load().services == {}
    store.apply([DeleteFramework()], Check(store.leader_path, 0))
    assert list(walk(persister, store.path)) == [store.leader_path, store.path]
    store.remove_leader()
    assert persister.children("/r/frameworks") == ()


def test_a_lost_leadership_writes_nothing(store: FrameworkStore, persister: MemoryPersister) -> None:
    """The check of the epoch stands before every batch."""
    persister.apply([Put(store.leader_path, b"me"), Put(store.leader_path, b"you")])
    with pytest.raises(LeadershipLost):
        store.apply([StorePod(record=_pod(0))], Check(store.leader_path, 0))
    assert store.load() == Stored()


def test_a_frame_above_a_packet_is_cut_in_order(store: FrameworkStore) -> None:
    """Many records that do not fit into one multi arrive all the same."""
    long = "x" * 10_000
    pods = [PodRecord(service="web", pod="p", index=index, last_failure=long) for index in range(200)]
    store.apply([StorePod(record=record) for record in pods])
    assert len(store.load().services["web"].pods) == 200


def test_batches_keep_the_order_and_the_limit() -> None:
    """Each part fits, nothing is lost or moved, and what is too large alone stands alone."""
    sizes = [10, 500, 3000, 10, 10]
    operations: list[Write] = [*(Put(f"/a/{index}", b"x" * size) for index, size in enumerate(sizes)), Remove("/b")]
    parts = list(batches(operations, 2000))
    assert [operation for part in parts for operation in part] == operations
    assert all(packet_bytes(part) <= 2000 or len(part) == 1 for part in parts)
    assert [operations[2]] in parts


def test_a_specification_that_is_too_large_is_refused(store: FrameworkStore) -> None:
    """InvalidSpec names the service and the limit."""
    spec = ServiceSpec(name="web", pods=(PodSpec(name="p", count=1, tasks=(), role="x" * 500_000),))
    with pytest.raises(InvalidSpec, match=r"web: .* exceed"):
        store.apply([StoreTarget(config=ConfigId("c"), spec=spec)])


@pytest.mark.parametrize("name", ["", "a/b", "..", "é", "a b", "x" * 200])
def test_a_name_that_is_no_path_segment_is_refused(store: FrameworkStore, name: str) -> None:
    """Names become nodes only when they cannot leave their place."""
    with pytest.raises(InvalidSpec):
        store.apply([DeleteService(service=name)])


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("target", b'{"config": 1}'),
        ("target", b'{"config": "gone"}'),
        ("target", b"nonsense"),
        ("configs/c1", b"{}"),
        ("earlier/e1", b"{"),
        ("earlier/e1", b'{"name": "p", "count": 1, "tasks": []}'),
        ("configs/c1", b'{"name": "web", "pods": []}'),
        ("configs/c1", b'{"name": "other", "pods": [{"name": "p", "count": 1, "tasks": []}]}'),
    ],
)
def test_a_corrupt_target_is_the_trouble_of_its_service(
    store: FrameworkStore, persister: MemoryPersister, path: str, data: bytes
) -> None:
    """It is told with the path of the node that cannot be read, or breaks rules; its instances are loaded."""
    store.apply([StoreTarget(config=ConfigId("c1"), spec=_spec()), StorePod(record=_pod(0))])
    persister.apply([Put(f"{store.path}/services/web/{path}", data)])
    found = store.load().services["web"]
    assert found.target is None
    assert found.unreadable is not None
    assert found.unreadable.startswith(f"{store.path}/services/web/")
    assert found.pods == {"p-0": _pod(0)}


@pytest.mark.parametrize(
    "data", [b'{"service": "web", "pod": "p", "index": 1}', b"\xff", b'{"service": "web", "pod": "p", "index": 0.5}']
)
def test_a_corrupt_record_is_the_trouble_of_its_instance(
    store: FrameworkStore, persister: MemoryPersister, data: bytes
) -> None:
    """The others of its service are loaded."""
    store.apply([StoreTarget(config=ConfigId("c1"), spec=_spec()), StorePod(record=_pod(0)), StorePod(record=_pod(1))])
    persister.apply([Put(f"{store.path}/services/web/pods/p-0", data)])
    found = store.load().services["web"]
    assert (found.target, found.pods) == (_spec(), {"p-1": _pod(1)})
    assert list(found.unreadable_pods) == ["p-0"]
    assert found.unreadable_pods["p-0"].startswith(f"{store.path}/services/web/pods/p-0")


def test_a_corrupt_identity_stops_loading(store: FrameworkStore, persister: MemoryPersister) -> None:
    """Without its id the framework would begin anew, beside everything that runs."""
    persister.apply([Put(f"{store.path}/framework", b"{}")])
    with pytest.raises(CorruptRecord) as caught:
        store.load()
    assert caught.value.path.startswith(store.path)


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff"])
def test_a_target_that_cannot_be_read_is_replaced_by_the_next(
    store: FrameworkStore, persister: MemoryPersister, data: bytes
) -> None:
    """Somebody wrote nonsense into its node: what is published anew counts."""
    store.apply([StoreTarget(config=ConfigId("one"), spec=_spec())])
    persister.apply([Put("/r/frameworks/hello/services/web/target", data)])
    assert store.load().services["web"].unreadable is not None
    store.apply([StoreTarget(config=ConfigId("two"), spec=_spec(count=2))])
    service = store.load().services["web"]
    assert (service.config, service.target, service.unreadable) == ("two", _spec(count=2), None)


@pytest.mark.parametrize("odd", [{"last_failure": "\ud800"}, {"not_before": float("nan")}])
def test_what_could_not_be_read_again_is_not_stored(store: FrameworkStore, odd: dict[str, Any]) -> None:
    """The error names the node, so that only its service suffers."""
    with pytest.raises(InvalidSpec, match="has no stored form") as caught:
        store.apply([StorePod(record=replace(_pod(0), **odd))])
    assert store.service_at(caught.value.path) == "web"
