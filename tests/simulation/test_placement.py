"""Stories of rules of placement: which agents instances go to, and why not to others."""

from dataclasses import replace

from sdk.errors import InvalidSpec
from sdk.model.placement import (
    AnyOf,
    Away,
    Has,
    Instances,
    Is,
    Like,
    MaxPer,
    Near,
    Not,
    Preference,
    PreferenceKind,
    RoundRobin,
    Rule,
)
from sdk.model.spec import ServiceSpec
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import changed, service

RACKS = {"agent1": "r1", "agent2": "r1", "agent3": "r2", "agent4": "r3"}


def cluster(**racks: str) -> Simulation:
    """Agents in racks."""
    sim = Simulation()
    for name, rack in (racks or RACKS).items():
        sim.add_agent(name, attributes={"rack": rack} if rack else {})
    return sim


def ruled(name: str = "web", *rules: Rule, count: int = 1, cpus: float = 0.5) -> ServiceSpec:
    """A service whose instances have to keep rules."""
    return changed(service(name, count=count, cpus=cpus), placement=rules)


def hosts(sim: Simulation, name: str = "web") -> list[str]:
    """Where instances of a service run."""
    return sorted(sim.where(instance) for instance in sim.running() if instance.startswith(f"{name}/"))


def deployed(sim: Simulation, *specs: ServiceSpec) -> None:
    """All of them run."""
    sim.publish(*specs)
    wanted = sum(pod.count for spec in specs for pod in spec.pods)
    sim.run_until(lambda: len(sim.running()) == wanted, "all run")


def test_at_most_so_many_run_in_a_rack() -> None:
    """The fourth does not fit when three racks take one each, and says where which one is."""
    sim = cluster()
    sim.publish(ruled("web", MaxPer(field="rack", count=1), count=4))
    sim.run_until(lambda: len(sim.running()) == 3, "three run")
    sim.settle()
    assert {RACKS[host] for host in hosts(sim)} == {"r1", "r2", "r3"}
    step = sim.step("web/app-3")
    assert step.status is Progress.PREPARED
    assert "rack r3 already runs app-" in step.message
    sim.add_agent("agent5", attributes={"rack": "r4"})
    sim.run_until(lambda: len(sim.running()) == 4, "a new rack takes it", within=10)


def test_instances_go_to_racks_by_turns() -> None:
    """Four in four racks, of which two came later: one in each."""
    sim = cluster(agent1="r1", agent2="r2")
    sim.publish(ruled("web", RoundRobin(field="rack", values=4), count=4))
    sim.run_until(lambda: len(sim.running()) == 2, "two run")
    sim.add_agent("agent3", attributes={"rack": "r3"})
    sim.add_agent("agent4", attributes={"rack": "r4"})
    sim.run_until(lambda: len(sim.running()) == 4, "all run", within=20)
    assert hosts(sim) == ["agent1", "agent2", "agent3", "agent4"]


def test_rules_can_be_put_together() -> None:
    """Any of some, and not another one: only one agent is left."""
    sim = cluster(agent1="r1", agent2="r2", agent3="", agent4="x1")
    rules = (
        AnyOf(rules=(Like(field="rack", pattern="r.*"), Not(rule=Has(field="rack")))),
        Not(rule=Is(field="rack", values=("r1", "r2"))),
    )
    deployed(sim, ruled("web", *rules, count=2))
    assert hosts(sim) == ["agent3", "agent3"]


def test_a_pod_goes_where_another_one_is() -> None:
    """It waits until there is one, of whatever service, and follows it when that moves."""
    sim = cluster()
    near = ruled("web", Near(to=Instances(service="db", pod="app")))
    sim.publish(near)
    sim.settle(20)
    assert sim.running() == []
    assert "no instance of db/app runs on @hostname agent1" in sim.step("web/app-0").message
    deployed(sim, near, ruled("db", Is(field="rack", values=("r2",))))
    assert sim.where("web/app-0") == sim.where("db/app-0") == "agent3"
    sim.publish(near, ruled("db", Is(field="rack", values=("r2", "r3"))))
    sim.drain("agent3")
    sim.run_until(lambda: sim.where("web/app-0") == "agent4" and len(sim.running()) == 2, "both moved", within=30)
    assert sim.where("db/app-0") == "agent4"


def test_a_pod_stays_away_from_tasks_of_any_service() -> None:
    """Also from those that are placed with the same offers."""
    sim = cluster(agent1="r1", agent2="r2")
    loud = ruled("loud", count=3)
    quiet = ruled("quiet", Away(of=Instances(service="*", task="server")))
    sim.publish(quiet, replace(loud, pods=(replace(loud.pods[0], placement=(Is(field="rack", values=("r1",)),)),)))
    sim.run_until(lambda: len(sim.running()) == 4, "all run", within=20)
    assert hosts(sim, "quiet") == ["agent2"]
    assert hosts(sim, "loud") == ["agent1"] * 3


def test_a_spread_is_preferred_and_forbids_nothing() -> None:
    """Four instances on three agents: none is empty, and one has two."""
    sim = cluster(agent1="r1", agent2="r2", agent3="r3")
    spread = (Preference(kind=PreferenceKind.SPREAD),)
    deployed(sim, changed(service(count=4), prefer=spread))
    assert set(hosts(sim)) == {"agent1", "agent2", "agent3"}
    assert len(hosts(sim)) == 4


def test_packed_instances_leave_whole_agents_free() -> None:
    """Small ones fill the agent that has the least left, so that a large one fits besides."""
    sim = cluster(agent1="r1", agent2="r2")
    pack = (Preference(kind=PreferenceKind.PACK),)
    deployed(sim, changed(service("one", count=1), placement=(Is(field="rack", values=("r2",)),)))
    sim.settle()
    small = changed(service("small", count=4), prefer=pack)
    deployed(sim, changed(service("one", count=1), placement=(Is(field="rack", values=("r2",)),)), small)
    assert set(hosts(sim, "small")) == {"agent2"}


def test_a_change_of_rules_relaunches_nothing() -> None:
    """Rules are about what is placed next: the running instance stays, its replacement keeps the new ones."""
    sim = cluster()
    deployed(sim, ruled("web", Is(field="rack", values=("r1",))))
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(ruled("web", Is(field="rack", values=("r3",))))
    sim.settle(60)
    assert sim.record("web/app-0").tasks[0].task_id == before
    sim.action("web/app-0", "replace")
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") == "agent4", "it moved", within=60)
    sim.settle()
    sim.expect_reserved_exactly()


def test_maintenance_moves_an_instance_ahead_under_its_rules() -> None:
    """One per rack: the one that leaves goes to the free rack before its old task is ended."""
    sim = cluster(agent1="r1", agent2="r2", agent3="r3")
    deployed(sim, ruled("web", MaxPer(field="rack", count=1), count=2))
    sim.settle()
    home = sim.where("web/app-0")
    [free] = {"agent1", "agent2", "agent3"} - set(hosts(sim))
    sim.maintain(home, after=600.0)
    sim.run_until(lambda: sim.where("web/app-0") == free and len(sim.running()) == 2, "it moved", within=120)
    assert sim.where("web/app-1") not in (home, free)


def test_a_drained_instance_moves_under_its_rules() -> None:
    """It is its own rack's only one, and stands not in its own way on another agent of that rack."""
    sim = cluster(agent1="r1", agent2="r1")
    deployed(sim, ruled("web", MaxPer(field="rack", count=1)))
    home = sim.where("web/app-0")
    sim.drain(home)
    sim.run_until(lambda: sim.running() == ["web/app-0"] and sim.where("web/app-0") != home, "it moved", within=30)


def test_each_broken_rule_is_told_with_its_path() -> None:
    """All of them at once; the service that runs goes on."""
    sim = cluster()
    deployed(sim, ruled("web"))
    rules: tuple[Rule, ...] = (
        MaxPer(field="rack", count=0),
        Not(rule=AnyOf(rules=())),
        Near(to=Instances(pod="a__b")),
        Like(field="", pattern="["),
        Away(of=Instances()),
    )
    sim.publish(ruled("web", *rules, "UNIQUE", count=2))  # type: ignore[arg-type]
    told = sim.problems()["web"]
    for path in (
        "pods.app.placement[0].count",
        "pods.app.placement[1].rule.rules",
        "pods.app.placement[2].to.pod",
        "pods.app.placement[3].field",
        "pods.app.placement[3].pattern",
        "pods.app.placement[4].of",
        "pods.app.placement[5]",
    ):
        assert f"web.{path}" in told
    assert sim.running() == ["web/app-0"]
    assert InvalidSpec.__name__ not in told


def test_rules_are_read_again_by_the_next_process() -> None:
    """As they were stored."""
    sim = cluster()
    rules = (AnyOf(rules=(Is(field="rack", values=("r9",)), MaxPer(field="rack", count=1))),)
    deployed(sim, ruled("web", *rules, count=2))
    sim.restart_scheduler()
    sim.settle()
    assert sim.scheduler.state is not None
    assert sim.scheduler.state.targets["web"].spec.pods[0].placement == rules
    sim.expect_running("web/app-0", "web/app-1")


def test_where_nothing_else_is_said_instances_stay_in_the_region_of_the_master() -> None:
    """A framework that is aware of regions is offered agents of all of them."""
    sim = Simulation(region="north")
    sim.add_agent("far", region="south", zone="s1")
    sim.publish(service())
    sim.settle(20)
    assert "region south is not north, the master's; no rule names another" in sim.step("web/app-0").message
    sim.add_agent("near", region="north", zone="n1")
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=20)
    assert sim.where("web/app-0") == "near"
    deployed(sim, service(), ruled("api", Has(field="@region"), Not(rule=Is(field="@zone", values=("n1",)))))
    assert sim.where("api/app-0") == "far"
