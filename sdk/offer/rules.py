"""What the rules of `sdk.model.placement` say of a place, each time with the sentence that explains it.

Rules matter only when an instance is placed anew: a relaunch stays where its reservation is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

from sdk.model.placement import (
    OWN,
    All,
    AnyOf,
    Away,
    Has,
    Instances,
    Is,
    Like,
    MaxPer,
    Near,
    Not,
    RoundRobin,
    Rule,
    Together,
)
from sdk.offer.place import NOBODY, Others, Place
from sdk.pattern import BadPattern, Pattern


class Neighbours(Protocol):
    """Where the instances are that rules look at, without the one that is placed."""

    def of(self, which: Instances) -> Others:
        """Those that are selected."""


class Known:
    """Neighbours that are given."""

    def __init__(self, own: Others = NOBODY, others: Mapping[Instances, Others] | None = None) -> None:
        self._others = {OWN: own, **(others or {})}

    def of(self, which: Instances) -> Others:
        """Those that are selected."""
        return self._others.get(which, NOBODY)


class Verdict(NamedTuple):
    """Whether a rule is kept, and the fact that tells."""

    kept: bool
    why: str


def verdict(rule: Rule, place: Place, neighbours: Neighbours) -> Verdict:
    """Whether an instance may be at `place`."""
    match rule:
        case All(rules=rules):
            found = [verdict(each, place, neighbours) for each in rules]
            broken = [each.why for each in found if not each.kept]
            return Verdict(not broken, " and ".join(broken or (each.why for each in found)))
        case AnyOf(rules=rules):
            found = [verdict(each, place, neighbours) for each in rules]
            first = next((each for each in found if each.kept), None)
            return first or Verdict(False, " and ".join(each.why for each in found))
        case Not(rule=inner):
            kept, why = verdict(inner, place, neighbours)
            return Verdict(not kept, why)
        case _:
            own = place.field(rule.field)
            if own is None:
                return Verdict(isinstance(rule, MaxPer) and rule.lenient, f"no {rule.field}")
            return _at(rule, own, neighbours)


class RuleSet:
    """The rules of one pod, made ready to be asked about many places."""

    def __init__(self, rules: Iterable[tuple[Rule, str]]) -> None:
        """Each with what is said behind its sentence."""
        rules = tuple(rules)
        self._rules = [(rule, said, sorted(fields(rule)) if fixed(rule) else None) for rule, said in rules]
        self._known: list[dict[tuple[str | None, ...], str | None]] = [{} for _ in rules]
        self.growing = all(growing(rule) for rule, _ in rules)
        """Whether a place that is refused stays so, however many instances of the pod are placed besides."""
        self.fields = frozenset[str]().union(*(fields(rule) for rule, _ in rules))
        """All that they are about."""

    def __len__(self) -> int:
        return len(self._rules)

    def refusals(self, place: Place, neighbours: Neighbours) -> Iterator[str]:
        """One sentence for each rule that forbids the place."""
        for (rule, said, looks_at), known in zip(self._rules, self._known, strict=True):
            if looks_at is None:
                found = _refusal(rule, said, place, neighbours)
            else:  # equal for all agents with the same values: there are many agents, and few values
                values = tuple(map(place.field, looks_at))
                if values not in known:
                    known[values] = _refusal(rule, said, place, neighbours)
                found = known[values]
            if found is not None:
                yield found


def _refusal(rule: Rule, said: str, place: Place, neighbours: Neighbours) -> str | None:
    kept, why = verdict(rule, place, neighbours)
    return None if kept else why + said


def _at(
    rule: Has | Is | Like | MaxPer | RoundRobin | Together | Near | Away, own: str, neighbours: Neighbours
) -> Verdict:
    """Of a rule about a field whose value is `own`."""
    field = rule.field
    match rule:
        case MaxPer(count=count, of=which):
            others = neighbours.of(which)
            taken = others.count(field, own)
            if not taken:
                return Verdict(count > 0, f"{field} {own} runs none")
            if count == 1 and (there := others.at(field, own)) is not None:
                return Verdict(False, f"{field} {own} already runs {there.instance}")
            return Verdict(taken < count, f"{field} {own} already runs {taken}")
        case Has():
            return Verdict(True, f"{field} is {own}")
        case Is(values=values):
            if own in values:
                return Verdict(True, f"{field} is {own}")
            return Verdict(False, f"{field} {own} is not {' or '.join(values)}")
        case Like(pattern=pattern):
            kept = compiled(pattern).matches(own)
            return Verdict(kept, f"{field} {own} is {'' if kept else 'not '}like {pattern}")
        case RoundRobin(values=values):
            taken, least = neighbours.of(OWN).turns(field, own, values)
            return Verdict(taken <= least, f"{field} {own} already runs {taken}, another one only {least}")
        case Together():
            far = neighbours.of(OWN).elsewhere(field, own)
            if far is None:
                return Verdict(True, f"nothing runs on another {field} than {own}")
            return Verdict(False, f"{far.instance} runs on {field} {far.field(field)}")
        case Near(to=which):
            others = neighbours.of(which)
            there = others.at(field, own)
            if there is not None:
                return Verdict(True, f"{there.instance} runs on {field} {own}")
            if which.own and not len(others):
                return Verdict(True, "it is the first")
            return Verdict(False, f"no {described(which)} runs on {field} {own}")
        case Away(of=which):
            there = neighbours.of(which).at(field, own)
            if there is not None:
                return Verdict(False, f"{there.instance} runs on {field} {own}")
            return Verdict(True, f"no {described(which)} runs on {field} {own}")


def described(which: Instances) -> str:
    """Instances for humans: `task node of cassandra/db`."""
    if which.own:
        return "other instance"
    service = "any service" if which.service == "*" else which.service
    where = "/".join(name for name in (service, which.pod) if name)
    if which.task is None:
        return f"instance of {where}"
    return f"task {which.task}" + (f" of {where}" if where else "")


@cache
def growing(rule: Rule) -> bool:
    """Whether a place that it refuses stays refused, however many instances of the pod are placed besides."""
    match rule:
        case All(rules=rules) | AnyOf(rules=rules):
            return all(growing(each) for each in rules)
        case Not(rule=inner):
            return fixed(inner)
        case Near() | RoundRobin():
            return False
        case _:
            return True


@cache
def fixed(rule: Rule) -> bool:
    """Whether it looks at the agent alone."""
    match rule:
        case All(rules=rules) | AnyOf(rules=rules):
            return all(fixed(each) for each in rules)
        case Not(rule=inner):
            return fixed(inner)
        case _:
            return isinstance(rule, Has | Is | Like)


def inner(rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules, and those that they consist of."""
    for rule in rules:
        yield rule
        match rule:
            case All(rules=parts) | AnyOf(rules=parts):
                yield from inner(parts)
            case Not(rule=part):
                yield from inner((part,))
            case _:
                pass


def fields(rule: Rule) -> frozenset[str]:
    """All fields that it is about."""
    return frozenset(each.field for each in inner((rule,)) if not isinstance(each, All | AnyOf | Not))


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The pattern of a `Like`."""
    try:
        return Pattern(text)
    except BadPattern:
        # Stored by an earlier release, whose patterns were Python's. It can be meant in one way only: as it stands.
        return Pattern(re.escape(text))
