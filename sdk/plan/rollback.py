"""Going back to a configuration that a pod had: which ones there are, and what the target is with it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sdk.codecs import encode
from sdk.model.ids import ConfigId
from sdk.model.records import PodRecord
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.model.versions import Past, Pin, Versions
from sdk.plan.wish import Target, kept

OF_A_POD = 3
"""Configurations of one pod that are kept besides those that instances have."""
BYTES = 200_000
"""Of all that are kept of one service: they share a packet with targets and records."""


def effective(published: ServiceSpec, pins: Mapping[str, Pin]) -> ServiceSpec:
    """What was published, with the pods that are pinned as they were; their policies are the published ones."""
    pods = (
        kept(pin.spec, pin.config, pod).spec if (pin := pins.get(pod.name)) is not None else pod
        for pod in published.pods
    )
    return replace(published, pods=tuple(pods)) if pins else published


def published(versions: Versions, spec: ServiceSpec) -> Versions:
    """Something is published: what is pinned of pods that are in it no more is so no longer."""
    names = {pod.name for pod in spec.pods}
    pins = {name: pin for name, pin in versions.pins.items() if name in names}
    return replace(versions, pins=pins, published=spec if pins else None)


def remembered(versions: Versions, before: Target, after: Target, records: Iterable[PodRecord], now: float) -> Versions:
    """With the configurations that are wanted no more and have been ready; without the oldest ones, and what is."""
    served = {(record.pod, record.deployed) for record in records}
    wanted = {(name, wish.config) for name, wish in after.pods.items()}
    gone = [
        Past(config=wish.config, spec=wish.spec, until=now)
        for name, wish in before.pods.items()
        if name in after.pods and wish.plan is None and (name, wish.config) in served
    ]
    found: list[Past] = []
    size = 0
    for past in (*gone, *versions.past):
        name = past.spec.name
        there = [each.config for each in found if each.spec.name == name]
        if past.config in there or (name, past.config) in wanted or len(there) == OF_A_POD:
            continue
        size += len(encode(past))
        if size > BYTES:
            break
        found.append(past)
    return replace(versions, past=tuple(found))


def pins_told(versions: Versions) -> str:
    """What is pinned, for people; empty when nothing is."""
    told: list[str] = []
    for name, pin in sorted(versions.pins.items()):
        when = f"{_stamp(pin.at)}, by {pin.by}" if pin.by else _stamp(pin.at)
        rule = "what is published is not deployed until it is unpinned"
        told.append(f"{name} is pinned to configuration {pin.config[:12]} since {when}: {rule}")
    return "; ".join(told)


def _stamp(at: float) -> str:
    """For people; what is stored may be no time at all, and all services are told about together."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{at:g} s after 1970"


def known(versions: Versions | None, earlier: Mapping[ConfigId, PodSpec]) -> dict[ConfigId, PodSpec]:
    """The configurations that a pod can go back to: those that are remembered, that instances keep, or are pinned."""
    found = dict(earlier)
    if versions is not None:
        found |= {past.config: past.spec for past in versions.past}
        found |= {pin.config: pin.spec for pin in versions.pins.values()}
    return found
