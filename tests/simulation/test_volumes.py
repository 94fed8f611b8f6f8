"""Stories of persistent volumes: an instance finds its own again, and none is destroyed that nobody gave up."""

from dataclasses import replace

import pytest

from sdk.core.effects import Accept
from sdk.core.events import OperationStatusReceived
from sdk.core.settings import Settings
from sdk.model.operations import GrowVolume, Launch
from sdk.model.resources import Resource
from sdk.model.spec import RecoveryPolicy, ServiceSpec
from sdk.model.status import OperationState, OperationStatus
from sdk.model.volumes import DiskType, VolumeRecord, VolumeSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import changed, service

DATA = VolumeSpec(name="data", path="data", size=100_000)
MOUNTED = replace(DATA, type=DiskType.MOUNT)


def database(*volumes: VolumeSpec, recovery: RecoveryPolicy | None = None, **fields: object) -> ServiceSpec:
    """The service with volumes."""
    spec = service(recovery=recovery or RecoveryPolicy(replace_after=10.0), **fields)  # type: ignore[arg-type]
    return changed(spec, tasks=(replace(spec.pods[0].tasks[0], volumes=volumes or (DATA,)),))


def deployed(
    *volumes: VolumeSpec, agents: int = 2, settings: Settings | None = None, count: int = 1, **fields: object
) -> Simulation:
    """A cluster in which it runs and everything is at rest."""
    sim = Simulation(settings=settings)
    for number in range(1, agents + 1):
        sim.add_agent(f"agent{number}", disks=[("MOUNT", 500.0), ("MOUNT", 200.0), ("PATH", 300.0)])
    sim.publish(database(*volumes, count=count, **fields))  # type: ignore[arg-type]
    sim.run_until(lambda: len(sim.running()) == count, "all run")
    sim.settle()
    return sim


def has(sim: Simulation, instance: str = "web/app-0") -> list[VolumeRecord]:
    """The volumes on the record of an instance."""
    holding = sim.record(instance).holding
    return [] if holding is None else list(holding.volumes)


def disk(sim: Simulation, volume: str) -> Resource:
    """What a volume is made of, as the record says."""
    records = sim.scheduler.state.pods.values()  # type: ignore[union-attr]
    held = [resource for record in records if record.holding is not None for resource in record.holding.resources]
    [found] = [resource for resource in held if resource.volume == volume]
    return found


def operations(sim: Simulation) -> list[list[str]]:
    """Kinds of the operations of each ACCEPT."""
    accepts = [effect for effect in sim.scheduler.effects if isinstance(effect, Accept)]
    return [[type(operation).__name__ for operation in accept.operations] for accept in accepts]


def again(sim: Simulation, before: str) -> None:
    """Wait until the instance runs as another task."""
    sim.run_until(
        lambda: bool(sim.running()) and sim.record("web/app-0").tasks[0].task_id != before, "it runs anew", within=300
    )
    sim.settle()


def test_a_volume_is_made_with_its_reservation_and_launch() -> None:
    """In one ACCEPT; the record has it before, and the agent afterwards."""
    sim = deployed()
    assert operations(sim) == [["Reserve", "Create", "Launch"]]
    [volume] = has(sim)
    assert (volume.task, volume.name, volume.made, volume.destroy) == ("server", "data", True, False)
    assert sim.volumes() == {sim.where("web/app-0"): {volume.id}}
    assert disk(sim, volume.id).scalar == DATA.size
    sim.expect_reserved_exactly()


@pytest.mark.parametrize(
    ("kind", "wanted", "got"),
    [
        (DiskType.ROOT, 100_000, 100_000),
        (DiskType.PATH, 100_000, 100_000),
        (DiskType.MOUNT, 100_000, 200_000),
        (DiskType.MOUNT, 300_000, 500_000),
    ],
)
def test_a_volume_is_of_the_disk_that_is_asked_for(kind: DiskType, wanted: int, got: int) -> None:
    """A MOUNT disk is had as a whole, the smallest that is large enough; the others are cut."""
    sim = deployed(replace(DATA, type=kind, size=wanted), agents=1)
    [volume] = has(sim)
    made = disk(sim, volume.id)
    assert made.scalar == got
    assert made.disk is not None
    assert (made.disk.source.type if made.disk.source is not None else "ROOT") == kind


def test_two_instances_do_not_share_a_mount() -> None:
    """The third finds none, and its step says so."""
    sim = Simulation()
    sim.add_agent("agent1", disks=[("MOUNT", 500.0), ("MOUNT", 200.0)])
    sim.publish(database(MOUNTED, count=3))
    sim.run_until(lambda: len(sim.running()) == 2, "two run")
    sim.settle()
    reasons = [refusal.reason for refusal in sim.step("web/app-2").refusals]
    assert "volume data: wants 100.0 MB of a MOUNT disk, offer has none" in reasons
    assert len(sim.volumes()["agent1"]) == 2


def test_a_failed_task_finds_its_volume_again() -> None:
    """Nothing is reserved or made for the next one."""
    sim = deployed()
    [volume] = has(sim)
    before = sim.record("web/app-0").tasks[0].task_id
    sim.kill_task("web/app-0")
    again(sim, before)
    assert operations(sim)[-1] == ["Launch"]
    assert has(sim) == [volume]
    sim.expect_reserved_exactly()


def test_a_task_that_is_launched_beside_others_finds_its_volume_again() -> None:
    """The other one goes on with its own."""
    spec = database(DATA)
    [server] = spec.pods[0].tasks
    other = VolumeSpec(name="log", path="log", size=20_000, type=DiskType.PATH)
    sidecar = replace(server, name="sidecar", cpus=100, ports=(), essential=False, volumes=(other,))
    sim = deployed(agents=1)
    sim.publish(changed(spec, tasks=(server, sidecar)))
    sim.run_until(lambda: len(sim.processes()) == 2, "both run")
    sim.settle()
    before = {task.name: task.task_id for task in sim.record("web/app-0").tasks}
    volumes = has(sim)
    for executor, task in sim.cluster.tasks({before["sidecar"]}):
        executor.finish(task, "TASK_FAILED", "it ends")
    sim.run_until(
        lambda: {task.name: task.task_id for task in sim.record("web/app-0").tasks}["sidecar"] != before["sidecar"],
        "it is launched again",
    )
    sim.settle()
    assert {task.name: task.task_id for task in sim.record("web/app-0").tasks}["server"] == before["server"]
    assert operations(sim)[-1] == ["Launch"]
    assert has(sim) == volumes
    assert len(sim.processes()) == 2
    sim.expect_reserved_exactly()


def test_a_new_configuration_finds_its_volume_again() -> None:
    """More cpus, and another path: the volume is the same."""
    sim = deployed()
    [volume] = has(sim)
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(replace(DATA, path="other"), cpus=1.0))
    again(sim, before)
    assert operations(sim)[-1] == ["Reserve", "Launch"]
    assert has(sim) == [volume]
    found = disk(sim, volume.id).disk
    assert found is not None
    assert found.path == "other"


def test_an_instance_with_volumes_waits_for_its_lost_agent() -> None:
    """However long it takes; there it goes on with its data."""
    sim = deployed()
    [volume] = has(sim)
    home = sim.where("web/app-0")
    sim.kill_agent(home)
    sim.settle(600)
    assert sim.where("web/app-0") == home
    assert sim.step("web/app-0", "recovery").message.endswith("waits for it")
    before = sim.record("web/app-0").tasks[0].task_id
    sim.return_agent(home)
    again(sim, before)
    assert has(sim) == [volume]
    sim.expect_reserved_exactly()


def test_an_instance_that_may_leave_its_volumes_goes_elsewhere() -> None:
    """With a new volume; the old one stays, although its spec lets volumes be destroyed: nobody asked for the move."""
    kept = replace(DATA, destroy=True)
    sim = deployed(kept, recovery=RecoveryPolicy(replace_after=5.0, leave_volumes=True))
    [old] = has(sim)
    home = sim.where("web/app-0")
    sim.partition(home)
    sim.run_until(lambda: bool(sim.running()) and sim.where("web/app-0") != home, "it runs elsewhere")
    [new] = has(sim)
    assert new.id != old.id
    sim.heal(home)
    sim.settle(400)
    assert sim.volumes()[home] == {old.id}
    assert f"volume {old.id} of web/app-0 stays on {home}, reserved for sim-role" in sim.said()


@pytest.mark.parametrize("destroy", [False, True])
def test_replace_destroys_only_what_may_be(destroy: bool) -> None:
    """An operator wants it, so what the spec lets be destroyed is; else the old one stays, and is named."""
    sim = deployed(replace(DATA, destroy=destroy))
    [old] = has(sim)
    home = sim.where("web/app-0")
    before = sim.record("web/app-0").tasks[0].task_id
    sim.action("web/app-0", "replace")
    again(sim, before)
    sim.settle(120)
    assert sim.where("web/app-0") != home
    [new] = has(sim)
    assert new.id != old.id
    assert sim.volumes().get(home, set()) == (set() if destroy else {old.id})
    assert any(f"volume {old.id} of web/app-0 stays" in sentence for sentence in sim.said()) is not destroy
    if destroy:
        sim.expect_reserved_exactly()


@pytest.mark.parametrize("destroy", [False, True])
def test_a_removed_service_takes_only_those_volumes_along_that_may_be_destroyed(destroy: bool) -> None:
    """Its record is gone in any case; what stays, stays also with a new process, and through looks at all offers."""
    sim = deployed(replace(DATA, destroy=destroy))
    [old] = has(sim)
    home = sim.where("web/app-0")
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone")
    sim.restart_scheduler()
    sim.settle(700)
    assert sim.volumes().get(home, set()) == (set() if destroy else {old.id})
    assert sim.scheduler.stored_pods() == []
    assert sim.snapshot().suppressed == ("sim-role",)


def test_what_a_scale_down_removes_takes_its_volume_along() -> None:
    """The others keep theirs."""
    sim = deployed(replace(DATA, destroy=True), count=2)
    [first], [second] = has(sim, "web/app-0"), has(sim, "web/app-1")
    sim.publish(database(replace(DATA, destroy=True), count=1))
    sim.run_until(lambda: sim.scheduler.stored_pods() == ["web/app-0"], "one is gone")
    sim.settle()
    assert set[str]().union(*sim.volumes().values()) == {first.id} != {second.id}
    sim.expect_reserved_exactly()


def test_whether_volumes_are_destroyed_may_change_without_a_launch() -> None:
    """The record follows the spec."""
    sim = deployed()
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(replace(DATA, destroy=True)))
    sim.settle()
    assert sim.record("web/app-0").tasks[0].task_id == before
    assert has(sim)[0].destroy
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone")
    sim.settle()
    assert sim.volumes() == {}


@pytest.mark.parametrize("settings", [None, Settings(principal="sim-principal", destroy_volumes=True)])
def test_an_uninstall_destroys_volumes_only_where_its_settings_say_so(settings: Settings | None) -> None:
    """Otherwise it ends all the same, and names what stays where."""
    sim = deployed(replace(DATA, destroy=True), settings=settings)
    [volume] = has(sim)
    home = sim.where("web/app-0")
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=300)
    if settings is not None:
        sim.expect_nothing_left()
    else:
        assert f"volume {volume.id} of web/app-0 stays on {home}" in sim.snapshot().uninstall_message
        assert sim.volumes() == {home: {volume.id}}
        assert not sim.scheduler.stored_anything()


def test_an_uninstall_names_volumes_that_were_left_before_the_process_began() -> None:
    """The master knows them."""
    sim = deployed()
    [volume] = has(sim)
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone")
    sim.settle()
    sim.restart_scheduler()
    sim.settle()
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=300)
    assert f"volume {volume.id} of web/app-0 stays" in sim.snapshot().uninstall_message


def test_a_volume_of_the_spec_that_is_wanted_no_more_stays_with_its_instance() -> None:
    """Its data is there again when it is wanted again."""
    other = VolumeSpec(name="other", path="other", size=50_000)
    sim = deployed(DATA, other)
    first = {volume.name: volume.id for volume in has(sim)}
    task = sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(DATA))
    again(sim, task)
    launch = [effect for effect in sim.scheduler.effects if isinstance(effect, Accept)][-1].operations[-1]
    assert isinstance(launch, Launch)
    assert [item.volume for item in launch.tasks[0].resources if item.volume is not None] == [first["data"]]
    task = sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(DATA, other))
    again(sim, task)
    assert {volume.name: volume.id for volume in has(sim)} == first
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("kind", [DiskType.ROOT, DiskType.PATH])
def test_a_volume_grows_and_shrinks_in_place(kind: DiskType) -> None:
    """With the launch of the new configuration; nothing but the volume is reserved afterwards."""
    spec = replace(DATA, type=kind)
    sim = deployed(spec)
    [volume] = has(sim)
    for size, expected in (
        (150_000, ["Reserve", "GrowVolume", "Launch"]),
        (80_000, ["ShrinkVolume", "Unreserve", "Launch"]),
    ):
        task = sim.record("web/app-0").tasks[0].task_id
        sim.publish(database(replace(spec, size=size)))
        again(sim, task)
        assert operations(sim)[-1] == expected
        assert has(sim) == [volume]
        assert disk(sim, volume.id).scalar == size
    sim.publish()
    sim.run_until(lambda: sim.scheduler.stored_pods() == [], "the service is gone")


def test_a_mount_that_is_too_small_stays_and_says_why() -> None:
    """The instance runs with what it has."""
    sim = deployed(MOUNTED)
    task = sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(replace(MOUNTED, size=400_000)))
    again(sim, task)
    told = "web/app-0: volume data stays at 200.0 MB instead of 400.0: it is a file system of its own"
    assert told in sim.said()


def test_a_volume_does_not_move_to_another_kind_of_disk() -> None:
    """Its data is where it is; that it is not as wanted is said."""
    sim = deployed()
    volumes, task = has(sim), sim.record("web/app-0").tasks[0].task_id
    sim.publish(database(MOUNTED))
    again(sim, task)
    assert has(sim) == volumes
    told = "web/app-0: volume data stays on its ROOT disk instead of a MOUNT one: its data is there"
    assert told in sim.said()


def test_an_agent_that_cannot_resize_runs_the_instance_with_the_volume_as_it_is() -> None:
    """The master names the capability that the agent lacks; nobody asks it again."""
    sim = deployed(agents=1)
    [volume] = has(sim)
    task = sim.record("web/app-0").tasks[0].task_id
    sim.scheduler.before("Accept", lambda: sim.partition("agent1"))
    sim.publish(database(replace(DATA, size=150_000)))

    def growing() -> list[GrowVolume]:
        accepts = [effect for effect in sim.scheduler.effects if isinstance(effect, Accept)]
        return [each for accept in accepts for each in accept.operations if isinstance(each, GrowVolume)]

    sim.run_until(lambda: bool(growing()), "it is asked to grow")
    [grow] = growing()
    assert grow.operation_id is not None
    why = "agent sim-S0 does not have the required RESIZE_VOLUME capability"
    told = OperationStatus(operation_id=grow.operation_id, state=OperationState.ERROR, message=why)
    sim.scheduler.give(OperationStatusReceived(status=told))
    sim.heal("agent1")
    again(sim, task)
    assert len(growing()) == 1
    assert [found.id for found in has(sim)] == [volume.id]
    assert disk(sim, volume.id).scalar == DATA.size
    assert any("the agent cannot change the size of volumes" in sentence for sentence in sim.said())
    sim.expect_reserved_exactly()


@pytest.mark.parametrize("kind", ["RESERVE", "CREATE"])
def test_a_volume_that_could_not_be_made_is_made_with_the_next_try(kind: str) -> None:
    """What failed is said; nothing is left over."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.fail_operations(1, [kind])
    sim.publish(database())
    sim.run_until(lambda: bool(sim.running()), "it runs", within=120)
    assert any(f"{kind} on agent1 failed: the story says so" in sentence for sentence in sim.said())
    sim.settle(120)
    [volume] = has(sim)
    assert sim.volumes() == {"agent1": {volume.id}}
    sim.expect_reserved_exactly()


def test_a_volume_that_cannot_grow_keeps_its_data_and_says_why() -> None:
    """GROW_VOLUME fails on the agent: the next try makes it again, with the same volume."""
    sim = deployed()
    [volume] = has(sim)
    task = sim.record("web/app-0").tasks[0].task_id
    sim.fail_operations(1, ["GROW_VOLUME"])
    sim.publish(database(replace(DATA, size=150_000)))
    sim.run_until(lambda: any("GROW_VOLUME on" in sentence for sentence in sim.said()), "it fails", within=120)
    again(sim, task)
    assert has(sim) == [volume]


def test_volumes_survive_the_death_of_a_process_after_any_effect() -> None:
    """Whatever was stored or said last, there is one volume in the end, and it is the one on record."""
    for effects in range(1, 14):
        sim = Simulation()
        sim.add_agent("agent1")
        sim.die_after(effects)
        sim.publish(database())
        sim.advance(5)
        if sim.scheduler.state is None:
            sim.start_scheduler()
        sim.run_until(lambda sim=sim: bool(sim.running()), f"it runs after {effects}", within=300)  # type: ignore[misc]
        sim.settle(120)
        [volume] = has(sim)
        assert sim.volumes() == {"agent1": {volume.id}}
        sim.expect_reserved_exactly()


def test_volumes_of_others_are_never_touched() -> None:
    """Somebody else's stands in offers to our role: it is neither used nor destroyed, whatever happens to ours."""
    sim = deployed(agents=1, settings=Settings(principal="sim-principal", destroy_volumes=True))
    theirs = {
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": 100.0},
        "reservations": [
            {
                "type": "DYNAMIC",
                "role": "sim-role",
                "principal": "them",
                "labels": {"labels": [{"key": "resource_id", "value": "x"}, {"key": "framework_id", "value": "their"}]},
            }
        ],
    }
    disk = {"persistence": {"id": "theirs", "principal": "them"}, "volume": {"mode": "RW", "container_path": "data"}}
    agent = {"agent_id": {"value": sim.cluster.agent_id("agent1")}}
    sim.cluster.operator("RESERVE_RESOURCES", agent | {"resources": [theirs]})
    sim.cluster.operator("CREATE_VOLUMES", agent | {"volumes": [theirs | {"disk": disk}]})
    sim.settle(10)
    for action in ("restart", "replace"):
        sim.action("web/app-0", action)
        sim.settle(90)
    sim.uninstall()
    sim.run_until(lambda: sim.snapshot().uninstall is Progress.COMPLETE, "it is uninstalled", within=300)
    assert sim.volumes() == {"agent1": {"theirs"}}
    assert sim.reservations() == {"agent1": {"x"}}
