"""Stories of roles: one that Mesos does not give us is the trouble of the service that wants it."""

from sdk.core.effects import StoreFramework, UpdateRoles
from sdk.core.settings import Settings
from sdk.plan.progress import Progress
from sdk.testing import Simulation
from tests.simulation.specs import service

FORBIDDEN = {
    "register_frameworks": [{"principals": {"type": "ANY"}, "roles": {"values": ["sim-role", "other-role"]}}],
    "permissive": False,
}
ALLOW_THE_REST = {
    **FORBIDDEN,
    **{
        action: [{"principals": {"type": "ANY"}, objects: {"type": "ANY"}}]
        for action, objects in (
            ("run_tasks", "users"),
            ("reserve_resources", "roles"),
            ("unreserve_resources", "reserver_principals"),
            ("teardown_frameworks", "framework_principals"),
        )
    },
}


def asked(sim: Simulation) -> list[tuple[str, ...]]:
    return [effect.roles for effect in sim.scheduler.effects if isinstance(effect, UpdateRoles)]


def stored(sim: Simulation) -> set[str]:
    return {
        role for effect in sim.scheduler.effects if isinstance(effect, StoreFramework) for role in effect.record.roles
    }


def test_a_forbidden_role_is_the_trouble_of_its_service_alone() -> None:
    """The other services run; the refused one tells Mesos' words, in its problems and in its step."""
    sim = Simulation(acls=ALLOW_THE_REST)
    sim.add_agent("agent1")
    sim.publish(service("bad", role="secret-role"), service("good"), service("else", role="other-role"))
    sim.run_until(lambda: len(sim.running()) == 2, "the others run")
    sim.settle(60)
    sim.expect_running("good/app-0", "else/app-0")
    message = sim.step("bad/app-0").message
    assert message.startswith("Mesos refuses the role secret-role: HTTP 403: Not authorized to register framework")
    assert sim.problems() == {"bad": message}
    assert sim.step("bad/app-0").status is Progress.PREPARED


def test_a_refused_role_is_not_stored_and_not_asked_for_in_a_loop() -> None:
    """Nothing says it is ours, and the tries get rarer: an hour of them are a handful."""
    sim = Simulation(acls=ALLOW_THE_REST)
    sim.add_agent("agent1")
    sim.publish(service("bad", role="secret-role"), service("good"))
    sim.settle(3600)
    assert stored(sim) == {"sim-role"}
    assert 3 <= len(asked(sim)) <= 15


def test_a_restart_subscribes_although_a_role_was_refused() -> None:
    """SUBSCRIBE does not carry the refused role: after a restart the other services go on at once."""
    sim = Simulation(acls=ALLOW_THE_REST)
    sim.add_agent("agent1")
    sim.publish(service("bad", role="secret-role"), service("good"))
    sim.run_until(lambda: sim.running() == ["good/app-0"], "the other runs")
    sim.restart_scheduler()
    sim.publish(service("bad", role="secret-role"), service("good", count=2))
    sim.run_until(lambda: len(sim.running()) == 2, "the second instance of the other runs", within=10)
    assert "secret-role" in sim.problems()["bad"]


def test_an_instance_is_not_ended_for_a_role_that_mesos_refuses() -> None:
    """Nothing could be launched in its stead; it is updated when the role is ours."""
    sim = Simulation(acls=ALLOW_THE_REST)
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs")
    before = sim.record("web/app-0").tasks[0].task_id
    sim.publish(service(role="secret-role"))
    sim.settle(1000)
    assert sim.record("web/app-0").tasks[0].task_id == before
    sim.expect_running("web/app-0")
    assert "Mesos refuses the role secret-role" in sim.step("web/app-0").message
    sim.allow_everything()
    sim.run_until(lambda: sim.step("web/app-0").status is Progress.COMPLETE, "it is updated", within=900)
    sim.expect_reserved_exactly()


def test_a_refused_role_that_becomes_allowed_is_entered() -> None:
    """The operator changes the rules of the masters; the next try finds out."""
    sim = Simulation(acls=ALLOW_THE_REST)
    sim.add_agent("agent1")
    sim.publish(service("bad", role="secret-role"))
    sim.settle(5)
    assert sim.running() == []
    sim.allow_everything()
    sim.run_until(lambda: sim.running() == ["bad/app-0"], "it runs", within=120)
    assert sim.problems() == {}


def test_a_role_that_failed_to_arrive_is_asked_for_again_with_pauses() -> None:
    """Errors on the way are no refusals: the role is asked for until it is ours."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.fail_calls("UpdateRoles", 3)
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=30)
    assert sim.scheduler.failed["UpdateRoles"] == 3
    assert sim.problems() == {}


def test_an_update_of_roles_that_is_lost_is_sent_again() -> None:
    """No answer at all: after a while the same is asked again."""
    sim = Simulation()
    sim.add_agent("agent1")
    sim.lose_calls("UpdateRoles", 1)
    sim.publish(service())
    sim.run_until(lambda: sim.running() == ["web/app-0"], "it runs", within=30)


def test_a_role_that_nothing_needs_is_given_up_after_the_longest_wait_for_agents() -> None:
    """Thirty services in turn do not leave thirty roles; one that comes back gets its role again."""
    sim = Simulation(settings=Settings(principal="sim-principal", leftover_age=7200.0))
    sim.add_agent("agent1")
    sim.publish(service("a", role="role-a"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run")
    sim.publish(service("good"))
    sim.settle(3600)
    assert sim.snapshot().framework.roles == ("role-a", "sim-role")
    sim.settle(7200)
    assert sim.snapshot().framework.roles == ("sim-role",)
    assert asked(sim)[-1] == ("sim-role",)
    updates = len(asked(sim))
    sim.settle(3600)
    assert len(asked(sim)) == updates
    sim.expect_running("good/app-0")
    sim.publish(service("a", role="role-a"), service("good"))
    sim.run_until(lambda: len(sim.running()) == 2, "both run again")
    sim.expect_reserved_exactly()


def test_configured_roles_are_never_given_up() -> None:
    """An operator wants the framework to be in them."""
    sim = Simulation(settings=Settings(principal="p", leftover_age=1000.0, own_roles=frozenset({"sim-role"})))
    sim.add_agent("agent1")
    sim.publish(service())
    sim.run_until(lambda: bool(sim.running()), "it runs")
    sim.publish()
    sim.settle(5000)
    assert sim.snapshot().framework.roles == ("sim-role",)
