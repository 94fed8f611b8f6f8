"""A framework in thirty lines: two tasks that greet, kept running."""

from sdk.model.resources import milli
from sdk.model.spec import CommandSpec, PodSpec, ServiceSpec, TaskSpec
from sdk.plugin import Plugin, Targets

GREETER = TaskSpec(
    name="greeter",
    cpus=milli(0.1),
    mem=milli(32),
    command=CommandSpec(value='echo "hello from $TASK_NAME"; exec sleep 100000'),
)
SERVICE = ServiceSpec(name="greeters", pods=(PodSpec(name="greeter", count=2, tasks=(GREETER,), role="minimal"),))


class Minimal(Plugin):
    """The plugin."""

    def took_charge(self, targets: Targets) -> None:
        """Say what shall run."""
        targets.publish_all({SERVICE.name: SERVICE})
