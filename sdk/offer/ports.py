"""Which numbers the ports of a task get: static ones as they are, dynamic ones chosen from what is free.

A container with a network of its own has all ports to itself: its numbers are the same wherever it runs.

A dynamic port is taken pseudo-randomly, so that a number that was just given back (connections in TIME_WAIT, clients
that still try it) is not the first one to be given out again. The seed is an argument: equal seeds, equal choice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdk.model.resources import Range
from sdk.model.spec import PortSpec
from sdk.offer.algebra import add_ranges, covers, intersect_ranges, subtract_ranges

_OF_CONTAINERS: Range = (1025, 65535)
"""Where dynamic ports of containers are counted from: below, a process needs privileges to listen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChoice:
    """Numbers by port name, and sentences for those that got none."""

    numbers: Mapping[str, int]
    refusals: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """The same for optional ones."""


def choose(
    specs: Iterable[PortSpec],
    free: Iterable[Range],
    *,
    seed: str,
    sticky: Mapping[str, int] | None = None,
    excluded: Iterable[int] = (),
    offered: Iterable[Range] | None = None,
    dynamic: tuple[Range, ...] | None = None,
) -> PortChoice:
    """Numbers for `specs` out of `free`; a dynamic port keeps its number in `sticky` when that is free and allowed.

    Static numbers and `excluded` are never given to a dynamic port, nor is one number given twice. An optional port for
    which nothing is free gets none. `offered` is what the offers held before others took from them (`free` itself when
    left out); only the sentences depend on it.
    `dynamic` is the part of `free`, in normal form, that dynamic ports may be taken from (all of it when left out).
    """
    specs = tuple(specs)
    free = add_ranges(free, ())
    numbers: dict[str, int] = {}
    absent = {spec.number: spec.optional for spec in specs if spec.number and not covers(free, spec.number)}
    before = free if offered is None or not absent else add_ranges(offered, ())
    refusals = not_offered((number for number, optional in absent.items() if not optional), before)
    without = not_offered((number for number, optional in absent.items() if optional), before)
    static = [spec.number for spec in specs if spec.number]
    numbers.update({spec.name: spec.number for spec in specs if spec.number and not absent.get(spec.number)})
    floating = [spec for spec in specs if not spec.number]
    if not floating:
        return PortChoice(numbers=numbers, refusals=tuple(refusals), without=tuple(without))
    within = free if dynamic is None else dynamic
    open_ranges = subtract_ranges(
        within, [(number, number) for number in {*static, *excluded} if covers(within, number)]
    )
    for spec in floating:  # all kept numbers first: a fresh choice must not take the old number of a later port
        old = (sticky or {}).get(spec.name)
        if old is not None and covers(open_ranges, old) and (not spec.ranges or covers(spec.ranges, old)):
            numbers[spec.name] = old
            open_ranges = subtract_ranges(open_ranges, [(old, old)])
    for spec in floating:
        if spec.name in numbers:
            continue
        allowed = intersect_ranges(open_ranges, spec.ranges) if spec.ranges else open_ranges
        number = _pick(allowed, f"{seed}/{spec.name}")
        if number is None:
            where = f" in {_text(spec.ranges)}" if spec.ranges else ""
            (without if spec.optional else refusals).append(f"port {spec.name}: no free port{where}")
            continue
        numbers[spec.name] = number
        open_ranges = subtract_ranges(open_ranges, [(number, number)])
    return PortChoice(numbers=numbers, refusals=tuple(refusals), without=tuple(without))


def choose_of_container(specs: Iterable[PortSpec]) -> PortChoice:
    """Numbers in a container of its own: dynamic ports are counted up in their order, past the static ones."""
    specs = tuple(specs)
    numbers = {spec.name: spec.number for spec in specs if spec.number}
    refusals: list[str] = []
    without: list[str] = []
    for spec in specs:
        if spec.number:
            continue
        ranges = spec.ranges or (_OF_CONTAINERS,)
        taken = frozenset(numbers.values())
        free = (number for begin, end in ranges for number in range(begin, end + 1) if number not in taken)
        number = next(free, None)
        if number is None:
            (without if spec.optional else refusals).append(f"port {spec.name}: no free port in {_text(ranges)}")
        else:
            numbers[spec.name] = number
    return PortChoice(numbers=numbers, refusals=tuple(refusals), without=tuple(without))


def not_offered(numbers: Iterable[int], offered: tuple[Range, ...]) -> list[str]:
    """A sentence for each way to be missing: others took it just now, a task may have it, agents do not give it out.

    What agents offer is told from its lowest to its highest number: the holes in between are what tasks use, change
    with each of them and differ from agent to agent, so that equal refusals could not be counted together.
    """
    numbers = tuple(numbers)
    low, high = (offered[0][0], offered[-1][1]) if offered else (1, 0)
    taken = [number for number in numbers if covers(offered, number)]
    inside = [number for number in numbers if low <= number <= high and number not in taken]
    outside = [number for number in numbers if not low <= number <= high]
    found = []
    if taken:
        found.append(f"{_named(taken)} not free: given to another instance just now")
    if inside:
        found.append(f"{_named(inside)} not free: used by a task, or not the agent's to give")
    if outside:
        found.append(f"{_named(outside)} not offered: agents offer {_text([(low, high)]) if offered else 'no ports'}")
    return found


def _named(numbers: Iterable[int]) -> str:
    numbers = sorted(numbers)
    return f"port{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"


def _pick(ranges: Iterable[Range], seed: str) -> int | None:
    """One number of `ranges`, every one as likely over all seeds; None when there is none."""
    ranges = tuple(ranges)
    count = sum(end - begin + 1 for begin, end in ranges)
    if not count:
        return None
    position = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % count
    for begin, end in ranges:
        if position <= end - begin:
            return begin + position
        position -= end - begin + 1
    raise AssertionError("the position lies below the number of ports")


def _text(ranges: Iterable[Range]) -> str:
    return ", ".join(f"{begin}-{end}" if begin != end else str(begin) for begin, end in ranges)
