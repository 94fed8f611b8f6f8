"""A framework whose tasks keep what they write."""

from dataclasses import replace

from examples.hello import Hello
from sdk.model.spec import CommandSpec, ServiceSpec
from sdk.model.volumes import VolumeSpec

VOLUME = VolumeSpec(name="data", path="data", size=16_000, destroy=True)


class Stateful(Hello):
    """As hello, but each task writes a line where the next one finds it."""

    def service(self, count: int) -> ServiceSpec:
        """The service with `count` tasks."""
        spec = super().service(count)
        [pod] = spec.pods
        [task] = pod.tasks
        command = CommandSpec(value='echo "$TASK_NAME" >> data/log; exec sleep 100000')
        return replace(spec, pods=(replace(pod, tasks=(replace(task, command=command, volumes=(VOLUME,)),)),))
