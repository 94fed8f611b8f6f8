"""What an instance should be, as the target says it: the pod spec together with its fingerprint."""

from dataclasses import dataclass, replace

from sdk.model.fingerprint import pod_config, service_config
from sdk.model.ids import ConfigId
from sdk.model.spec import PodSpec, ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PodWish:
    """A pod spec and the fingerprint that its tasks are compared with."""

    spec: PodSpec
    config: ConfigId


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The wanted configuration of one service."""

    config: ConfigId
    spec: ServiceSpec
    pods: dict[str, PodWish]

    def wish(self, pod: str, index: int) -> PodWish | None:
        """What instance `<pod>-<index>` should be; None when it should not be there."""
        found = self.pods.get(pod)
        return found if found is not None and index < found.spec.count else None


def kept(spec: PodSpec, config: ConfigId, newest: PodSpec) -> PodWish:
    """An earlier configuration, under the policies of the newest: they are about what happens next."""
    policies = replace(
        spec,
        count=newest.count,
        constraints=newest.constraints,
        placement=newest.placement,
        prefer=newest.prefer,
        recovery=newest.recovery,
        update=newest.update,
    )
    return PodWish(spec=policies, config=config)


def target(spec: ServiceSpec) -> Target:
    """The target made of a spec."""
    return Target(
        config=service_config(spec),
        spec=spec,
        pods={pod.name: PodWish(spec=pod, config=pod_config(pod, spec)) for pod in spec.pods},
    )
