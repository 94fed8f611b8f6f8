"""Arithmetic on Mesos resources: sums, differences, containment; scalars in integer thousandths as Mesos' fixed point
does.

Knows what makes two resources the same kind (name, reservations, allocation, disk) and how Mesos prints them. Does not
know agents, offers or who may use what.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sdk.local.core.wire import Json, ordered

Span = tuple[int, int]
Value = int | tuple[Span, ...] | frozenset[str]
"""Thousandths of a scalar, sorted disjoint inclusive ranges, or a set of items."""

_VALUE_FIELDS = ("scalar", "ranges", "set")
# Mesos' fixed point numbers are 64 bits wide.
_MOST = 9.2e15
# Names of roles come from the network: no more than these are remembered.
_KINDS = 100


def thousandths(value: float) -> int:
    """A scalar as Mesos counts it, to the nearest thousandth: 0.1234 is 0.123. More than Mesos can count is as much as
    it can.
    """
    return round(min(max(value, -_MOST), _MOST) * 1000)


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same numbers in sorted ranges that do not touch."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return tuple(result)


def _cut(spans: tuple[Span, ...], away: tuple[Span, ...]) -> tuple[Span, ...]:
    for low, high in away:
        rest: list[Span] = []
        for begin, end in spans:
            if begin < low:
                rest.append((begin, min(end, low - 1)))
            if end > high:
                rest.append((max(begin, high + 1), end))
        spans = tuple(rest)
    return spans


def _value(resource: Json) -> Value:
    kind = resource.get("type")
    if kind == "RANGES":
        return merge((item["begin"], item["end"]) for item in resource.get("ranges", {}).get("range", ()))
    if kind == "SET":
        return frozenset(resource.get("set", {}).get("item", ()))
    return thousandths(float(resource.get("scalar", {}).get("value", 0.0)))


def _is_zero(value: Value) -> bool:
    return value <= 0 if isinstance(value, int) else not value


def _plus(left: Value, right: Value) -> Value:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    if isinstance(left, frozenset) and isinstance(right, frozenset):
        return left | right
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return merge((*left, *right))


def _sum(values: list[Value]) -> Value:
    if isinstance(values[0], int):
        return sum(value for value in values if isinstance(value, int))
    if isinstance(values[0], tuple):
        return merge(span for value in values if isinstance(value, tuple) for span in value)
    return frozenset().union(*(value for value in values if isinstance(value, frozenset)))


def _minus(left: Value, right: Value) -> Value:
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    if isinstance(left, frozenset) and isinstance(right, frozenset):
        return left - right
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return _cut(left, right)


def _covers(left: Value, right: Value) -> bool:
    if isinstance(left, int) and isinstance(right, int):
        return left >= right
    if isinstance(left, frozenset) and isinstance(right, frozenset):
        return left >= right
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return not _cut(right, left)


def _number(thousandths: int) -> str:
    return f"{thousandths / 1000:g}" if abs(thousandths) < 10**8 else f"{thousandths / 1000:.15g}"


def text(resource: Json) -> str:
    """One resource as Mesos writes it in messages: `cpus(allocated: r)(reservations: [(STATIC,r)]):1.5`."""
    parts = [resource["name"]]
    if "allocation_info" in resource:
        parts.append(f"(allocated: {resource['allocation_info'].get('role', '')})")
    if resource.get("reservations"):
        stack = []
        for entry in resource["reservations"]:
            words = [entry.get("type", "DYNAMIC"), entry.get("role", "*")]
            if "principal" in entry:
                words.append(entry["principal"])
            if "labels" in entry:
                pairs = ", ".join(
                    f"{item['key']}: {item.get('value', '')}" for item in entry["labels"].get("labels", ())
                )
                words.append(f"{{{pairs}}}")
            stack.append(f"({','.join(words)})")
        parts.append(f"(reservations: [{','.join(stack)}])")
    if "disk" in resource:
        disk = resource["disk"]
        words = [disk["persistence"]["id"]] if "persistence" in disk else []
        if "volume" in disk:
            words.append(disk["volume"].get("container_path", ""))
        parts.append(f"[{':'.join(words)}]")
    value = _value(resource)
    if isinstance(value, int):
        shown = _number(value)
    elif isinstance(value, tuple):
        shown = f"[{', '.join(f'{begin}-{end}' for begin, end in value)}]"
    else:
        shown = f"{{{', '.join(sorted(value))}}}"
    return f"{''.join(parts)}:{shown}"


def _identity(template: Json) -> Json:
    """What Mesos compares: where a container finds a volume says how it is used, and may differ each time."""
    disk = template.get("disk", {})
    if "volume" not in disk:
        return template
    return template | {"disk": {name: part for name, part in disk.items() if name != "volume"}}


class Kind:
    """What resources are summed by: everything but the value. Its derived kinds are worked out once, as allocation
    cycles ask for them again and again.
    """

    __slots__ = ("_allocated", "_bare", "_frame", "key", "lent_to", "name", "reserved", "role", "template", "volume")

    def __init__(self, template: Json) -> None:
        self.template = template
        self.key = json.dumps(_identity(template), sort_keys=True)
        self.name: str = template["name"]
        self.role = reservation_role(template)
        """The role it is reserved for, `*` when it is not."""
        self.reserved = bool(template.get("reservations"))
        self.lent_to = str(template.get("allocation_info", {}).get("role", "*"))
        """The role it is allocated to, `*` when none is named."""
        self.volume = "persistence" in template.get("disk", {})
        self._frame: tuple[Json, Json] | None = None
        """The fields before and after the value."""
        self._bare: Kind | None = None
        self._allocated: dict[str, Kind] = {}

    @property
    def whole(self) -> bool:
        """Whether it can only be had as a whole: volumes, and disks that are devices of their own."""
        source = self.template.get("disk", {}).get("source")
        return self.volume or (isinstance(source, dict) and source.get("type") in ("MOUNT", "BLOCK", "RAW"))

    def bare(self) -> "Kind":
        """The same without allocation."""
        if self._bare is None:
            template = {name: part for name, part in self.template.items() if name != "allocation_info"}
            self._bare = Kind(template) if len(template) < len(self.template) else self
        return self._bare

    def allocated(self, role: str) -> "Kind":
        """The same allocated to `role`."""
        found = self._allocated.get(role)
        if found is None:
            if len(self._allocated) >= _KINDS:
                self._allocated.clear()
            found = self._allocated[role] = Kind(self.template | {"allocation_info": {"role": role}})
        return found

    def json(self, value: Value) -> Json:
        """A resource of this kind with that value, its fields in the order of the wire."""
        if isinstance(value, int):
            shown: Json = {"scalar": {"value": value / 1000}}
        elif isinstance(value, tuple):
            shown = {"ranges": {"range": [{"begin": begin, "end": end} for begin, end in value]}}
        else:
            shown = {"set": {"item": sorted(value)}}
        if self._frame is None:
            # All resources of a kind have values of one type, and the place of all these types is the same.
            content = ordered("Resource", self.template | shown)
            names = list(content)
            place = names.index(next(iter(shown)))
            self._frame = (
                {name: content[name] for name in names[:place]},
                {name: content[name] for name in names[place + 1 :]},
            )
        before, after = self._frame
        return {**before, **shown, **after}


_kinds: dict[str, Kind] = {}
_sums: "dict[str, Resources]" = {}
# Volumes have ids, so there is no end of kinds.
_REMEMBERED = 2000
# Roles, principals and labels come from the network, too, and may be of any length.
_LONGEST = 10_000


def _remember(known: dict[str, Any], name: str, value: object) -> None:
    if len(name) <= _LONGEST:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[name] = value


def _kind(template: Json) -> Kind:
    """The kind of that template: one object for all tasks and agents that have it, as there are few of them."""
    name = repr(template)
    found = _kinds.get(name)
    if found is None:
        found = Kind(template)
        _remember(_kinds, name, found)
    return found


@dataclass(slots=True)
class _Entry:
    """Never changed: not frozen, because making frozen ones takes twice as long."""

    kind: Kind
    value: Value


def _removed(entries: dict[str, _Entry], key: str) -> dict[str, _Entry]:
    """Without that kind, whose place the last one takes: the order in which Mesos prints what is left."""
    last = next(reversed(entries))
    if key != last:
        entries = {(last if name == key else name): entries[last if name == key else name] for name in entries}
    else:
        del entries[key]
    return entries


class Resources:
    """An immutable sum of resources that keeps the order in which kinds first came, as Mesos does."""

    __slots__ = ("_entries", "_lent", "_ranks", "_reach", "_roles", "_shown")

    def __init__(self, entries: dict[str, _Entry] | None = None) -> None:
        self._entries: dict[str, _Entry] = entries or {}
        self._roles: frozenset[str] | None = None
        self._ranks: dict[str, int] | None = None
        self._lent: tuple[Resources, str, Resources] | None = None
        self._shown: tuple[Json, ...] | None = None
        self._reach: dict[frozenset[str], Resources] = {}

    @classmethod
    def of(cls, resources: Iterable[Json] | None) -> "Resources":
        """The sum of JSON resources in post-refinement format (`reservations`, no `role`). One object for the same
        list, as many tasks ask for the same.
        """
        items = list(resources or ())
        name = repr(items)
        found = _sums.get(name)
        if found is None:
            entries: dict[str, _Entry] = {}
            for resource in items:
                template = {name: item for name, item in resource.items() if name not in _VALUE_FIELDS}
                _put(entries, _kind(template), _value(resource))
            found = cls(entries)
            _remember(_sums, name, found)
        return found

    @classmethod
    def sum(cls, parts: "Iterable[Resources]") -> "Resources":
        """The sum of many, in one go."""
        first: dict[str, _Entry] = {}
        rest: dict[str, list[Value]] = {}
        for part in parts:
            for key, entry in part._entries.items():
                if key in rest:
                    rest[key].append(entry.value)
                elif key in first:
                    rest[key] = [first[key].value, entry.value]
                else:
                    first[key] = entry
        return cls({key: _Entry(entry.kind, _sum(rest[key])) if key in rest else entry for key, entry in first.items()})

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resources) and self.contains(other) and other.contains(self)

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def __str__(self) -> str:
        return "; ".join(text(item) for item in self) or "{}"

    def __iter__(self) -> Iterator[Json]:
        for entry in self._entries.values():
            yield entry.kind.json(entry.value)

    def json(self) -> list[Json]:
        """As a JSON list in the field order of the wire."""
        return list(self)

    def parts(self) -> Iterator[tuple[Kind, Value]]:
        """Each kind with its value."""
        for entry in self._entries.values():
            yield entry.kind, entry.value

    def __add__(self, other: "Resources") -> "Resources":
        # What was taken and comes back as it was is the same object: what is known of it still is.
        if not self._entries or not other._entries:
            return self if self._entries else other
        entries = dict(self._entries)
        for key, entry in other._entries.items():
            mine = entries.get(key)
            entries[key] = entry if mine is None else _Entry(mine.kind, _plus(mine.value, entry.value))
        return Resources(entries)

    def __sub__(self, other: "Resources") -> "Resources":
        """What is left; what was not there to take away is ignored."""
        if other is self:
            return Resources()
        entries = dict(self._entries)
        gone: list[str] = []
        for key, entry in other._entries.items():
            mine = entries.get(key)
            if mine is None:
                continue
            value = _minus(mine.value, entry.value)
            if _is_zero(value):
                gone.append(key)
            else:
                entries[key] = _Entry(mine.kind, value)
        if len(gone) == len(entries):
            return Resources()
        for key in gone:
            entries = _removed(entries, key)
        return Resources(entries)

    def contains(self, other: "Resources") -> bool:
        """Whether every kind of `other` is here in at least that amount; a volume is never a part of a larger one."""
        if self.is_same(other):
            return True
        for key, entry in other._entries.items():
            mine = self._entries.get(key)
            if mine is None or not _covers(mine.value, entry.value):
                return False
            if entry.kind.volume and mine.value != entry.value:
                return False
        return True

    def where(self, keep: Callable[[Json], bool]) -> "Resources":
        """The entries whose resource (without its value) satisfies `keep`."""
        return Resources({key: entry for key, entry in self._entries.items() if keep(entry.kind.template)})

    def of_kinds(self, keep: Callable[[Kind], bool]) -> "Resources":
        """The entries whose kind satisfies `keep`."""
        return Resources({key: entry for key, entry in self._entries.items() if keep(entry.kind)})

    @property
    def roles(self) -> frozenset[str]:
        """The roles that some of it is reserved for, `*` for what is not."""
        if self._roles is None:
            self._roles = frozenset(entry.kind.role for entry in self._entries.values())
        return self._roles

    def reserved_for(self, roles: frozenset[str]) -> "Resources":
        """What is reserved for one of these roles (`*`: not reserved). Asked again, it is the same object: what an idle
        agent has is looked at every cycle.
        """
        if len(roles) == len(self.roles):
            return self
        found = self._reach.get(roles)
        if found is None:
            found = self._reach[roles] = self.of_kinds(lambda kind: kind.role in roles)
        return found

    def shrunk(self, budget: dict[str, int], *, others: bool) -> "Resources":
        """Scalars cut down to the thousandths that `budget` has for their name; of names that it does not have, all or
        (without `others`) nothing. What is no scalar is kept, what cannot be cut is kept whole or not at all.
        """
        left = dict(budget)
        entries: dict[str, _Entry] = {}
        for key, entry in self._entries.items():
            kind, value = entry.kind, entry.value
            if not isinstance(value, int) or (others and kind.name not in left):
                entries[key] = entry
                continue
            have = left.get(kind.name, 0)
            if have < value:
                value = 0 if kind.whole else max(have, 0)
                entry = _Entry(kind, value)
            if value > 0:
                entries[key] = entry
                left[kind.name] = have - value
        return Resources(entries)

    def listed_as(self, total: "Resources") -> "Resources":
        """The same in the order in which an agent lists its `total`."""
        places = total._places()
        ranked = sorted(self._entries, key=lambda key: places.get(key, len(places)))
        return Resources({key: self._entries[key] for key in ranked})

    def as_offered(self, total: "Resources") -> "Resources":
        """The same in the order of the allocator: as the agent lists its `total`, unreserved scalars last."""
        places = total._places()

        def place(item: tuple[str, _Entry]) -> tuple[bool, int]:
            key, entry = item
            return isinstance(entry.value, int) and not entry.kind.reserved, places.get(key, len(places))

        return Resources(dict(sorted(self._entries.items(), key=place)))

    def _places(self) -> dict[str, int]:
        if self._ranks is None:
            self._ranks = {key: place for place, key in enumerate(self._entries)}
        return self._ranks

    def lent(self, total: "Resources", role: str) -> "Resources":
        """The same in the order of the allocator, allocated to `role`. Asked again, it is the same object: what one
        framework declines is offered to the next.
        """
        if self._lent is None or self._lent[0] is not total or self._lent[1] != role:
            self._lent = (total, role, self.as_offered(total).allocated(role))
        return self._lent[2]

    def shown(self) -> list[Json]:
        """As `json`, for what is shown again and again: nobody may change the parts."""
        if self._shown is None:
            self._shown = tuple(self)
        return list(self._shown)

    def plain(self) -> "Resources":
        """The same without what was worked out of it since: for what is kept long, and many times."""
        return Resources(self._entries)

    def is_same(self, other: "Resources") -> bool:
        """Whether it is that very sum, or the `plain` of it: known at once, where equal ones have to be compared."""
        return other._entries is self._entries

    def allocated(self, role: str) -> "Resources":
        """The same, allocated to `role`."""
        entries: dict[str, _Entry] = {}
        for entry in self._entries.values():
            _put(entries, entry.kind.allocated(role), entry.value)
        return Resources(entries)

    def unallocated(self) -> "Resources":
        """The same without allocation: as an agent owns them."""
        if all(entry.kind.bare() is entry.kind for entry in self._entries.values()):
            return self
        entries: dict[str, _Entry] = {}
        for entry in self._entries.values():
            _put(entries, entry.kind.bare(), entry.value)
        return Resources(entries)

    def scalar(self, name: str) -> int:
        """Thousandths of the scalar `name` over all its kinds."""
        return sum(
            entry.value for entry in self._entries.values() if entry.kind.name == name and isinstance(entry.value, int)
        )

    def amounts(self) -> Iterator[tuple[Json, int]]:
        """Each scalar kind: its resource without the value, and its thousandths."""
        for entry in self._entries.values():
            if isinstance(entry.value, int):
                yield entry.kind.template, entry.value

    def scalars(self) -> dict[str, int]:
        """Thousandths by scalar name."""
        totals: dict[str, int] = {}
        for entry in self._entries.values():
            if isinstance(entry.value, int):
                totals[entry.kind.name] = totals.get(entry.kind.name, 0) + entry.value
        return totals

    def spans(self, name: str) -> tuple[Span, ...]:
        """The merged ranges of `name` over all its kinds."""
        spans: list[Span] = []
        for entry in self._entries.values():
            if entry.kind.name == name and isinstance(entry.value, tuple):
                spans.extend(entry.value)
        return merge(spans)


def _put(entries: dict[str, _Entry], kind: Kind, value: Value) -> None:
    mine = entries.get(kind.key)
    if mine is not None:
        kind, value = mine.kind, _plus(mine.value, value)
    if not _is_zero(value):
        entries[kind.key] = _Entry(kind, value)


def reservation_role(resource: Json) -> str:
    """The role that a resource is reserved for: that of the last reservation, `*` when unreserved."""
    stack = resource.get("reservations")
    return str(stack[-1].get("role", "*")) if stack else "*"


def modern(resource: Json) -> Json:
    """A resource in post-refinement format: `role` and `reservation` of the old format become `reservations`."""
    if "role" not in resource and "reservation" not in resource:
        return resource
    result = {name: part for name, part in resource.items() if name not in ("role", "reservation")}
    role = resource.get("role", "*")
    if "reservations" not in result and role != "*":
        if "reservation" in resource:
            result["reservations"] = [{"type": "DYNAMIC", "role": role, **resource["reservation"]}]
        else:
            result["reservations"] = [{"type": "STATIC", "role": role}]
    return ordered("Resource", result)


def old_format(resource: Json, *, allocation: bool) -> Json:
    """A resource as schedulers without RESERVATION_REFINEMENT get it; without MULTI_ROLE also without
    `allocation_info`.
    """
    result = {name: part for name, part in resource.items() if name != "reservations"}
    stack = resource.get("reservations")
    result["role"] = reservation_role(resource)
    if stack and stack[-1].get("type") == "DYNAMIC":
        result["reservation"] = {name: part for name, part in stack[-1].items() if name in ("principal", "labels")}
    if not allocation:
        result.pop("allocation_info", None)
    return ordered("Resource", result)
