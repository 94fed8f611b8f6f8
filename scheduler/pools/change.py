"""What replacing a pool by another asks of its instances, and which of its fields ask for it. Pure.

Knows what the scheduler goes by: the services that both become. What HAProxy is told is another matter (lbmgr's plan).
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from enum import StrEnum
from typing import NamedTuple

from scheduler.pools.model import Frontend, Haproxy, HealthCheck, Pool, Revision
from scheduler.pools.service import Deployment, service_spec
from scheduler.pools.stored.sparse import key_of
from sdk.model.fingerprint import pod_config, service_config

# What all pools have in common is the same before and after.
_DEPLOYMENT = Deployment(executor="", artifact_url="", zk="", zk_root="")
_REVISION = Revision("", 1)


#: The fields that the API calls otherwise.
_OTHERWISE = {"environment": "environmentVariables", "networks": "virtualNetworks"}


class Change(StrEnum):
    """What a changed pool asks of its running instances, the strongest word counts."""

    NONE = "none"
    RELOAD = "reload"
    """Another configuration perhaps; the tasks go on."""
    SCALE = "scale"
    """More or fewer instances, or other rules for where the next ones go."""
    RELAUNCH = "relaunch"
    """Every instance is replaced by one of the new configuration, one at a time."""


def classify(old: Pool, new: Pool) -> Change:
    """What replacing `old` by `new` asks of the instances."""
    before, after = service_spec(old, _REVISION, _DEPLOYMENT), service_spec(new, _REVISION, _DEPLOYMENT)
    if pod_config(before.pods[0], before) != pod_config(after.pods[0], after):
        return Change.RELAUNCH
    if service_config(before) != service_config(after):
        return Change.SCALE
    return Change.NONE if old == new else Change.RELOAD


def causes(old: Pool, new: Pool, change: Change) -> tuple[str, ...]:
    """The paths of the fields each of which asks for the change by itself; `pool` when only several together do."""
    found = [path for path, mixed in _mixed(old, new) if classify(old, mixed) is change]
    return tuple(found) or ("pool",)


class _Mixed(NamedTuple):
    path: str
    pool: Pool
    """The old pool with this field of the new one."""


def _mixed(old: Pool, new: Pool) -> Iterator[_Mixed]:
    for field in fields(Pool):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if field.name == "haproxy":
            yield from _mixed_haproxy(old, new)
        elif field.name == "healthcheck":
            yield from _mixed_health_check(old, new)
        else:
            name = _OTHERWISE.get(field.name) or key_of(field.name)
            yield _Mixed(f"pool.{name}", replace(old, **{field.name: after}))


def _mixed_health_check(old: Pool, new: Pool) -> Iterator[_Mixed]:
    for field in fields(HealthCheck):
        name = "".join(word.capitalize() for word in field.name.split("_"))
        check = replace(old.healthcheck, **{field.name: getattr(new.healthcheck, field.name)})
        yield _Mixed(f"pool.poolHealthcheck{name}", replace(old, healthcheck=check))


def _mixed_haproxy(old: Pool, new: Pool) -> Iterator[_Mixed]:
    """Backends are none of the instances' business."""

    def pool(haproxy: Haproxy) -> Pool:
        return replace(old, haproxy=haproxy)

    yield _Mixed("pool.haproxy.stats", pool(replace(old.haproxy, stats=new.haproxy.stats)))
    before, after = _by_name(old.haproxy.frontends), _by_name(new.haproxy.frontends)

    def with_frontend(frontend: Frontend) -> Pool:
        # In its place: the order of ports counts, too.
        return pool(replace(old.haproxy, frontends=tuple((before | {frontend.name: frontend}).values())))

    for at, (name, frontend) in enumerate(after.items()):
        path, known = f"pool.haproxy.frontends[{at}]", before.get(name)
        if known is None:
            yield _Mixed(path, with_frontend(frontend))
            continue
        for field in fields(Frontend):
            value = getattr(frontend, field.name)
            if getattr(known, field.name) != value:
                path_of_field = f"{path}.{key_of(field.name)}"
                yield _Mixed(path_of_field, with_frontend(replace(known, **{field.name: value})))
    for name in before.keys() - after.keys():
        left = tuple(one for one in old.haproxy.frontends if one.name != name)
        yield _Mixed(f"pool.haproxy.frontends ({name} is gone)", pool(replace(old.haproxy, frontends=left)))


def _by_name(frontends: Iterable[Frontend]) -> dict[str, Frontend]:
    return {one.name: one for one in frontends}
