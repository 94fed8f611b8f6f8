"""A cluster in one process under a manual clock, to tell stories about schedulers: the public test harness of the SDK.

    sim = Simulation()
    sim.add_agent("agent1", cpus=2, mem=1024, ports="31000-31010")
    sim.publish(ServiceSpec(name="web", pods=(...,)))
    sim.run_until(lambda: sim.running() == ["web/app-0"], "the instance runs")
    sim.partition("agent1")
    ...
    sim.expect_nothing_left()

The scheduler is the real one (the runner's turns over the real stores, talking Mesos' JSON), master and agents
are those of the embedded Mesos (`sdk.local.core`); only executors, network, lock and storage are played. Nothing waits,
nothing is random: the same story goes the same way each time.
"""

from sdk.testing.executors import Behaviour
from sdk.testing.facts import StoryFailed
from sdk.testing.simulation import Simulation

__all__ = ["Behaviour", "Simulation", "StoryFailed"]
