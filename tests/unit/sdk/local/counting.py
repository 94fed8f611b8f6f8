"""The books of a master counted anew, from all that it knows."""

from sdk.local.core.emit import charge
from sdk.local.core.model import Framework, State
from sdk.local.core.resources import Resources


def everything_is_somewhere(state: State) -> None:
    """Every resource of every agent is free, offered or used, and each once."""
    for agent in state.agents.values():
        offered, used = Resources(), Resources()
        for offer in agent.offers.values():
            offered = offered + offer.resources.unallocated()
        for framework in state.frameworks.values():
            for item in framework.tasks.values():
                if item.agent_id == agent.agent_id and item.charged:
                    used = used + item.resources.unallocated()
        for executor in agent.executors.values():
            used = used + executor.resources.unallocated()
        assert agent.free + offered + used == agent.total, f"{agent.free} + {offered} + {used} is not {agent.total}"


def everybody_is_charged(state: State) -> None:
    """Every framework holds what its tasks and executors use and what it is offered."""
    for framework in state.frameworks.values():
        counted = Framework(framework_id="", info={}, registered=0.0, reregistered=0.0)
        for item in framework.tasks.values():
            if item.charged:
                charge(counted, item.resources)
        for agent in state.agents.values():
            for executor in agent.executors.values():
                if executor.framework_id == framework.framework_id:
                    charge(counted, executor.resources)
        for offer in framework.offers.values():
            charge(counted, offer.resources)
        assert framework.held == counted.held
        assert framework.unreserved == counted.unreserved
