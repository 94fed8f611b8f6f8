"""An operator goes back to a configuration of a pod, and forward again.

Publishing is the plugin's. So a configuration that was gone back to is pinned: what is published later is remembered,
and is the target as soon as it is unpinned.
"""

from dataclasses import replace

from sdk.core.configurations import set_target
from sdk.core.effects import DeleteVersions, StoreVersions
from sdk.core.events import RollbackRequested, UnpinRequested
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.planning import forget_outdated
from sdk.core.state import State
from sdk.model.ids import ConfigId
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.model.versions import Pin, Versions
from sdk.plan.rollback import effective, known, published, remembered
from sdk.plan.wish import target


def versions_of(state: State, service: str) -> Versions:
    """What a service has been, and what is pinned of it."""
    return state.stored.versions.get(service, Versions(service=service))


def earlier_of(state: State, service: str) -> dict[ConfigId, PodSpec]:
    """Configurations that instances of a service keep until a rolling update gets to them."""
    keys = state.index.behind.of(service)
    kept = {config for key in keys if (config := state.pods[key].earlier) is not None}
    stored = state.stored.earlier
    return {config: stored[service, config] for config in kept if (service, config) in stored}


def take_published(frame: Frame, spec: ServiceSpec) -> None:
    """A plugin says what a service should be: what is pinned of it stays so."""
    versions = versions_of(frame, spec.name)
    _become(frame, published(versions, spec) if versions.pins else versions, spec)


def rollback_requested(frame: Frame, event: RollbackRequested) -> None:
    """A stored configuration is what a pod should be again."""
    service = event.service
    present, versions = frame.targets.get(service), versions_of(frame, service)
    spec = known(versions, earlier_of(frame, service)).get(event.config)
    if present is None or spec is None or spec.name not in present.pods:
        sentence = f"Rollback of {service} to {event.config}: no such configuration is stored"
        frame.log("warning", sentence, service=service)
        return
    newest = versions.published or present.spec
    pin = Pin(config=event.config, spec=spec, at=frame.now, by=event.by)
    by = f" by {event.by}" if event.by else ""
    frame.log("warning", f"{service}/{spec.name} goes back to configuration {event.config}{by}", service=service)
    _become(frame, replace(versions, pins={**versions.pins, spec.name: pin}, published=newest), newest)


def unpin_requested(frame: Frame, event: UnpinRequested) -> None:
    """What was published last is what the pod should be, or all pods."""
    versions = versions_of(frame, event.service)
    if versions.published is None:
        return
    pins = {name: pin for name, pin in versions.pins.items() if event.pod not in (None, name)}
    frame.log("info", f"{event.service}: {event.pod or 'everything'} is unpinned, on request", service=event.service)
    spec = versions.published
    _become(frame, replace(versions, pins=pins, published=spec if pins else None), spec)


def _become(frame: Frame, versions: Versions, spec: ServiceSpec) -> None:
    name = spec.name
    before = frame.targets.get(name)
    after = target(effective(spec, versions.pins), frame.stored.plans.get(name))
    if before is not None and before.spec != after.spec:
        records = (frame.pods[key] for key in frame.index.services.of(name))
        versions = remembered(versions, before, after, records, frame.now)
    _store(frame, versions)
    if before is None or before.spec != after.spec:
        set_target(frame, name, after)
        forget_outdated(frame, name)


def _store(frame: Frame, versions: Versions) -> None:
    name = versions.service
    if versions == versions_of(frame, name):
        return
    if versions.says_nothing:
        frame.stored.versions = without(frame.stored.versions, name)
        frame.store(("versions", name), DeleteVersions(service=name))
    else:
        frame.stored.versions = frame.stored.versions.set(name, versions)
        frame.store(("versions", name), StoreVersions(record=versions))


def forget_versions(frame: Frame, service: str) -> None:
    """The service is not wanted any more: what is stored of it goes with its last instance."""
    if service in frame.stored.versions:
        _store(frame, Versions(service=service))
