"""Exact arithmetic on lists of resources: contain, add, subtract; scalars in thousandths, ranges, sets.

Two quantities belong together when name, reservation stack, disk and uninterpreted fields are equal (labels are
identity, as in Mesos). The allocation role is carried along, never compared: an offer holds one role only. A list in
normal form has one entry for each identity, none of them empty.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.model.resources import Range, Resource

Identity = tuple[object, ...]


class NotContained(ValueError):
    """Something is to be taken from a list of resources that does not hold it: a bug of the caller."""


def identity(resource: Resource) -> Identity:
    """What must be equal for two quantities to be one.

    As in Mesos, where a container finds a volume is no part of it. What can only be had as a whole is never split nor
    merged, so its size is a part of it.
    """
    kind = (resource.name, resource.reservations, resource.extra, resource.provider_id)
    disk = resource.disk
    if disk is None:
        return kind
    return (*kind, disk.source, disk.persistence, resource.scalar if resource.whole else None)


def add_ranges(left: Iterable[Range], right: Iterable[Range]) -> tuple[Range, ...]:
    """The union, sorted, disjoint and with adjacent ranges joined."""
    joined: list[Range] = []
    for begin, end in sorted([*left, *right]):
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def subtract_ranges(left: Iterable[Range], right: Iterable[Range]) -> tuple[Range, ...]:
    """What is in `left` and not in `right`; both may be in any order, the answer is in normal form."""
    rest = list(add_ranges(left, ()))
    for begin, end in right:
        kept: list[Range] = []
        for low, high in rest:
            if end < low or begin > high:
                kept.append((low, high))
                continue
            if low < begin:
                kept.append((low, begin - 1))
            if end < high:
                kept.append((end + 1, high))
        rest = kept
    return tuple(rest)


def intersect_ranges(left: Iterable[Range], right: Iterable[Range]) -> tuple[Range, ...]:
    """What is in both."""
    left = add_ranges(left, ())
    return subtract_ranges(left, subtract_ranges(left, right))


def covers(ranges: Iterable[Range], number: int) -> bool:
    """Whether one of the ranges holds `number`."""
    return any(begin <= number <= end for begin, end in ranges)


def empty(resource: Resource) -> bool:
    """Whether the quantity is nothing."""
    return not (resource.scalar or resource.ranges or resource.items)


def plus(left: Resource, right: Resource) -> Resource:
    """The sum of two quantities of one identity."""
    if left.scalar is not None and right.scalar is not None:
        return replace(left, scalar=left.scalar + right.scalar)
    if left.ranges is not None and right.ranges is not None:
        return replace(left, ranges=add_ranges(left.ranges, right.ranges))
    if left.items is not None and right.items is not None:
        return replace(left, items=left.items | right.items)
    raise NotContained(f"{left.name}: a scalar, ranges and a set cannot be added to one another")


def holds(left: Resource, right: Resource) -> bool:
    """Whether `right` is a part of `left`; both have one identity."""
    if left.scalar is not None and right.scalar is not None:
        return right.scalar <= left.scalar
    if left.ranges is not None and right.ranges is not None:
        return not subtract_ranges(right.ranges, left.ranges)
    if left.items is not None and right.items is not None:
        return right.items <= left.items
    return empty(right)


def minus(left: Resource, right: Resource) -> Resource:
    """`left` without `right`, which must be a part of it."""
    if not holds(left, right):
        raise NotContained(f"{left.name}: {right} is not a part of {left}")
    if left.scalar is not None:
        return replace(left, scalar=left.scalar - (right.scalar or 0))
    if left.ranges is not None:
        return replace(left, ranges=subtract_ranges(left.ranges, right.ranges or ()))
    return replace(left, items=(left.items or frozenset()) - (right.items or frozenset()))


def indexed(resources: Iterable[Resource]) -> dict[Identity, Resource]:
    """Sum of the resources by identity, without empty ones."""
    found: dict[Identity, Resource] = {}
    for resource in resources:
        if empty(resource):
            continue
        key = identity(resource)
        present = found.get(key)
        if present is not None and resource.whole:
            continue  # there is no second one
        if present is not None:
            found[key] = plus(present, resource)
        else:
            found[key] = (
                resource if resource.ranges is None else replace(resource, ranges=add_ranges(resource.ranges, ()))
            )
    return found


def add(left: Iterable[Resource], right: Iterable[Resource]) -> tuple[Resource, ...]:
    """Both together, in normal form."""
    return tuple(indexed([*left, *right]).values())


def contain(left: Iterable[Resource], right: Iterable[Resource]) -> bool:
    """Whether `left` holds all of `right`, each entry under its own identity."""
    have = indexed(left)
    return all(key in have and holds(have[key], want) for key, want in indexed(right).items())


def subtract(left: Iterable[Resource], right: Iterable[Resource]) -> tuple[Resource, ...]:
    """`left` without `right`, in normal form. Raises `NotContained` when `left` does not hold `right`."""
    have = indexed(left)
    for key, want in indexed(right).items():
        if key not in have:
            raise NotContained(f"{want.name}: nothing is held under the reservation of {want}")
        have[key] = minus(have[key], want)
    return tuple(rest for rest in have.values() if not empty(rest))


def excess(left: Iterable[Resource], right: Iterable[Resource]) -> tuple[Resource, ...]:
    """What `left` has beyond `right`, identity by identity: never an error, unlike `subtract`."""
    want = indexed(right)
    beyond: list[Resource] = []
    for key, resource in indexed(left).items():
        taken = want.get(key)
        if taken is None:
            rest = resource
        elif resource.scalar is not None:
            rest = replace(resource, scalar=max(0, resource.scalar - (taken.scalar or 0)))
        elif resource.ranges is not None:
            rest = replace(resource, ranges=subtract_ranges(resource.ranges, taken.ranges or ()))
        else:
            rest = replace(resource, items=(resource.items or frozenset()) - (taken.items or frozenset()))
        if not empty(rest):
            beyond.append(rest)
    return tuple(beyond)
