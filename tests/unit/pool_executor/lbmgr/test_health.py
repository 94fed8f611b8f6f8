"""Counting health checks as Mesos does."""

from pool_executor.lbmgr.status.health import Consequence, Health, HealthPolicy, observe

POLICY = HealthPolicy(grace=10, interval=2, max_fail=3, timeout=1)


def test_failures_before_the_first_success_count_after_the_grace_period() -> None:
    """Within the grace period an instance may be slow to start."""
    health, consequence = observe(POLICY, Health(started=100), False, 105)
    assert (health.failures, consequence, health.next_check) == (0, Consequence.NONE, 107)
    health, _ = observe(POLICY, health, False, 110)
    assert health.failures == 1


def test_the_first_success_and_each_change_are_told_once() -> None:
    """Healthy, still healthy, unhealthy, still unhealthy, healthy again."""
    health = Health(started=0)
    told = []
    for answered in (True, True, False, False, True):
        health, consequence = observe(POLICY, health, answered, 50)
        told.append(consequence)
    changed, none = Consequence.CHANGED, Consequence.NONE
    assert told == [changed, none, changed, none, changed]
    assert health.ok


def test_the_allowed_failures_in_a_row_end_the_task() -> None:
    """A success in between starts the count anew; after a success the grace period protects no more."""
    health = Health(started=0)
    told = []
    for answered in (True, False, False, True, False, False, False):
        health, consequence = observe(POLICY, health, answered, 1)
        told.append(consequence)
    assert told[-1] is Consequence.END
    assert Consequence.END not in told[:-1]


def test_no_number_of_failures_ends_a_task_without_a_limit() -> None:
    """max_fail 0 means that the task is never ended for its health."""
    health = Health(started=0)
    for _ in range(50):
        health, consequence = observe(HealthPolicy(max_fail=0), health, False, 100)
        assert consequence is not Consequence.END
