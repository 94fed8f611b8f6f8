"""Configurations of a service as the JSON of docs/reference/contracts.md, "HTTP of the scheduler". Pure."""

from typing import Any

from sdk.core.snapshot import ServiceView
from sdk.http.errors import HttpError, named
from sdk.model.fingerprint import pod_config
from sdk.model.ids import ConfigId
from sdk.model.spec import PodSpec
from sdk.plan.configurations import Configuration, configurations
from sdk.plan.difference import difference
from sdk.plan.disclosure import disclosed
from sdk.plan.rollback import known

Json = dict[str, Any]


def listed(service: ServiceView) -> Json:
    """GET /v1/services/<s>/configurations."""
    return {"configurations": [_summary(found) | _pin(service, found) | _instances(found) for found in _all(service)]}


def shown(service: ServiceView, config: str) -> Json:
    """GET /v1/services/<s>/configurations/<id>; raises HttpError (404)."""
    found = _one(service, config)
    return _summary(found) | _pin(service, found) | _instances(found) | {"spec": disclosed(_spec(found))}


def can_go_back(service: ServiceView, config: str) -> str:
    """The pod that a configuration is of, when it can be gone back to; raises HttpError (404, 409)."""
    found = _one(service, config)
    versions = service.versions
    pinned = None if versions is None else versions.pins.get(found.pod)
    if pinned is not None and pinned.config == found.id:
        return found.pod
    if found.wanted:
        raise HttpError(409, f"configuration {found.id} is what {found.pod} should be already")
    if found.id not in known(versions, service.earlier):
        raise HttpError(409, f"configuration {found.id} cannot be gone back to: no instance was ready with it")
    return found.pod


def compared(service: ServiceView, config: str, other: str | None) -> Json:
    """GET /v1/services/<s>/configurations/<id>/diff, with the wanted one of the same pod unless `other` is given.

    Raises HttpError (404, or 400 when there is no wanted one).
    """
    old = _one(service, config)
    new = _wanted(service, old.pod) if other is None else _one(service, other)
    differences = difference(_spec(old), _spec(new), "")
    return {
        "old": old.id,
        "new": new.id,
        "differences": [{"path": found.path, "old": found.old, "new": found.new} for found in differences],
    }


def _summary(found: Configuration) -> Json:
    return {"id": found.id, "pod": found.pod, "wanted": found.wanted, "stored": found.spec is not None}


def _pin(service: ServiceView, found: Configuration) -> Json:
    """Told where an operator went back to it, or where it is what was published instead."""
    versions = service.versions
    pin = None if versions is None else versions.pins.get(found.pod)
    if pin is None:
        return {}
    if pin.config == found.id:
        return {"pinned": {"at": pin.at, "by": pin.by}}
    return {"published": True} if found.id in _published(service) else {}


def _published(service: ServiceView) -> dict[ConfigId, PodSpec]:
    """What was published last, while something else is pinned."""
    spec = None if service.versions is None else service.versions.published
    return {} if spec is None else {pod_config(pod, spec): pod for pod in spec.pods}


def _instances(found: Configuration) -> Json:
    return {
        "instances": [
            {"name": having.instance, "since": having.since, "keeps": having.keeps} for having in found.instances
        ]
    }


def _all(service: ServiceView) -> tuple[Configuration, ...]:
    past = known(service.versions, {}) | _published(service)
    return configurations(service.target, service.pods, service.earlier, past)


def _one(service: ServiceView, config: str) -> Configuration:
    known = {found.id: found for found in _all(service)}
    found = known.get(ConfigId(config))
    if found is None:
        raise HttpError(404, f"service {service.name} has no configuration {config[:80]!r}; it has {named(known)}")
    return found


def _wanted(service: ServiceView, pod: str) -> Configuration:
    for found in _all(service):
        if found.pod == pod and found.wanted:
            return found
    raise HttpError(400, f"no configuration of {pod} is wanted in service {service.name}; say which one: ?with=<id>")


def _spec(found: Configuration) -> PodSpec:
    if found.spec is None:
        names = named([having.instance for having in found.instances])
        raise HttpError(
            404,
            f"what is in configuration {found.id} is not stored any more: {names} was launched with it, and will not be"
            " launched with it again",
        )
    return found.spec
