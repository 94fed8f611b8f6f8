"""Rules of placement, held against a reading of them that is as simple as possible."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.codecs import from_json, to_json
from sdk.errors import CorruptRecord
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
from sdk.model.resources import Attribute
from sdk.model.spec import PodSpec
from sdk.offer.place import Others, Place, Places
from sdk.offer.placement import rule_set
from sdk.offer.rules import Known, fixed, growing, verdict

DB = Instances(service="cassandra", pod="db")
ANY_NODE = Instances(service="*", task="node")
FIELDS = ("@hostname", "@zone", "rack")
HOSTS, ZONES, RACKS = ("host1", "host2", "host3"), (None, "z1", "z2"), (None, "r1", "r2", "r3")


def place(hostname: str = "host1", zone: str | None = None, rack: str | None = None, instance: str = "") -> Place:
    """A place with one attribute, perhaps."""
    attributes = () if rack is None else (Attribute(name="rack", text=rack),)
    return Place(hostname=hostname, zone=zone, attributes=attributes, instance=instance)


PLACES = st.builds(place, st.sampled_from(HOSTS), st.sampled_from(ZONES), st.sampled_from(RACKS))
NAMED = st.lists(PLACES, max_size=5)
_FIELD = st.sampled_from(FIELDS)
_VALUE = st.sampled_from(("host1", "z1", "r1", "r2"))
_WHICH = st.sampled_from((OWN, DB))
_SIMPLE: st.SearchStrategy[Rule] = st.one_of(
    st.builds(Has, field=_FIELD),
    st.builds(Is, field=_FIELD, values=st.lists(_VALUE, min_size=1, max_size=2).map(tuple)),
    st.builds(Like, field=_FIELD, pattern=st.sampled_from((".*1", "r[12]", "z.*"))),
    st.builds(MaxPer, field=_FIELD, count=st.integers(1, 3), of=_WHICH, lenient=st.booleans()),
    st.builds(RoundRobin, field=_FIELD, values=st.integers(0, 4)),
    st.builds(Together, field=_FIELD),
    st.builds(Near, to=_WHICH, field=_FIELD),
    st.builds(Away, of=st.just(DB), field=_FIELD),
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.builds(All, rules=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, rules=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, rule=inner),
    ),
    max_leaves=6,
)


def named(places: list[Place], prefix: str = "app") -> list[Place]:
    """Each of an instance of its own."""
    return [
        Place(hostname=each.hostname, zone=each.zone, attributes=each.attributes, instance=f"{prefix}-{index}")
        for index, each in enumerate(places)
    ]


def around(own: list[Place], db: list[Place], without: str = "") -> Known:
    """What rules may ask."""
    return Known(Others(Places(named(own)), without), {DB: Others(Places(named(db, "cassandra/db")))})


def naive(rule: Rule, at: Place, own: list[Place], db: list[Place]) -> bool:
    """What the rule says, read word by word."""
    match rule:
        case All(rules=rules):
            return all(naive(each, at, own, db) for each in rules)
        case AnyOf(rules=rules):
            return any(naive(each, at, own, db) for each in rules)
        case Not(rule=inner):
            return not naive(inner, at, own, db)
        case _:
            value = at.field(rule.field)
    if value is None:
        return isinstance(rule, MaxPer) and rule.lenient
    values = {"own": [each.field(rule.field) for each in own], "db": [each.field(rule.field) for each in db]}
    match rule:
        case Has():
            return True
        case Is():
            return value in rule.values
        case Like():
            return {".*1": value.endswith("1"), "r[12]": value in ("r1", "r2"), "z.*": value[0] == "z"}[rule.pattern]
        case MaxPer():
            return values["own" if rule.of == OWN else "db"].count(value) + 1 <= rule.count
        case RoundRobin():
            counts = {each: values["own"].count(each) for each in {value, *values["own"]} - {None}}
            unseen = rule.values > len(counts)
            return counts[value] == 0 or (not unseen and counts[value] <= min(counts.values()))
        case Together():
            return all(each in (value, None) for each in values["own"])
        case Near():
            there = values["own" if rule.to == OWN else "db"]
            return value in there or (rule.to == OWN and not own)
        case Away():
            return value not in values["db"]


@given(RULES, PLACES, NAMED, NAMED)
def test_a_verdict_is_what_the_rule_says(rule: Rule, at: Place, own: list[Place], db: list[Place]) -> None:
    """And every verdict has its sentence."""
    found = verdict(rule, at, around(own, db))
    assert found.kept is naive(rule, at, own, db)
    assert found.why


@given(RULES, PLACES, NAMED, NAMED, st.data())
def test_an_instance_does_not_stand_in_its_own_way(
    rule: Rule, at: Place, own: list[Place], db: list[Place], data: st.DataObject
) -> None:
    """One that is moved is judged as if it were nowhere."""
    moved = data.draw(st.integers(0, max(0, len(own) - 1)))
    rest = [each for index, each in enumerate(own) if index != moved]
    assert verdict(rule, at, around(own, db, f"app-{moved}")).kept is naive(rule, at, rest, db)


@given(st.lists(st.tuples(st.integers(0, 4), st.none() | PLACES), max_size=12))
def test_places_that_change_are_as_if_made_anew(moves: list[tuple[int, Place | None]]) -> None:
    """Whatever was asked before."""
    changed, expected = Places(), dict[str, Place]()
    for field in FIELDS:
        assert not changed.by(field)
    for number, at in moves:
        name = f"app-{number}"
        if at is None:
            changed.drop(name)
            expected.pop(name, None)
        else:
            there = Place(hostname=at.hostname, zone=at.zone, attributes=at.attributes, instance=name)
            changed.put(there)
            expected[name] = there
    anew = Places(expected.values())
    for field in FIELDS:
        assert changed.by(field) == anew.by(field)
    assert len(changed) == len(anew)


@given(RULES, PLACES, NAMED, NAMED, NAMED)
def test_refused_place_stays_refused_by_a_growing_rule(
    rule: Rule, at: Place, own: list[Place], db: list[Place], more: list[Place]
) -> None:
    """Placing many of one kind looks at each refused place once: this is why."""
    if growing(rule) and not naive(rule, at, own, db):
        assert not verdict(rule, at, around([*own, *more], db)).kept


@given(RULES, PLACES, NAMED, NAMED)
def test_a_fixed_rule_looks_at_the_agent_alone(rule: Rule, at: Place, own: list[Place], db: list[Place]) -> None:
    """Its verdict is the same wherever instances are."""
    if fixed(rule):
        assert verdict(rule, at, around(own, db)) == verdict(rule, at, around([], []))


@given(RULES)
def test_rules_come_back_from_their_json(rule: Rule) -> None:
    """As part of a pod, in which they are stored."""
    pod = PodSpec(name="app", count=1, tasks=(), placement=(rule,))
    assert from_json(PodSpec, to_json(pod), "pod") == pod


def test_json_of_a_rule_tells_its_kind() -> None:
    """As the reference says."""
    pod = PodSpec(name="app", count=1, tasks=(), placement=(Not(rule=Is(field="rack", values=("r1",))),))
    stored = to_json(pod)
    assert isinstance(stored, Mapping)
    assert stored["placement"] == [{"kind": "not", "rule": {"kind": "is", "field": "rack", "values": ["r1"]}}]


@pytest.mark.parametrize(
    ("rule", "path"),
    [({"kind": "near by"}, "placement[0].kind"), ({}, "placement[0].kind"), (1, "placement[0]")],
)
def test_json_that_is_no_rule_is_told_with_its_place(rule: object, path: str) -> None:
    """A kind of a newer program, too."""
    with pytest.raises(CorruptRecord) as caught:
        from_json(PodSpec, {"name": "app", "count": 1, "tasks": [], "placement": [rule]}, "pod")
    assert caught.value.path == f"pod.{path}"


OTHERS = around([place("host1", "z1", "r1")], [place("host2", "z2", "r2")])


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [
        (Is(field="rack", values=("r1", "r2")), place(rack="r3"), "rack r3 is not r1 or r2"),
        (Not(rule=Has(field="rack")), place(rack="r3"), "rack is r3"),
        (MaxPer(field="rack", count=1), place(rack="r1"), "rack r1 already runs app-0"),
        (MaxPer(field="rack", count=1), place(), "no rack"),
        (MaxPer(field="@zone", count=1, of=DB), place(zone="z2"), "@zone z2 already runs cassandra/db-0"),
        (Near(to=DB), place("host1"), "no instance of cassandra/db runs on @hostname host1"),
        (Near(to=ANY_NODE), place("host1"), "no task node of any service runs on @hostname host1"),
        (Not(rule=Near(to=DB)), place("host2"), "cassandra/db-0 runs on @hostname host2"),
        (Away(of=DB, field="@zone"), place(zone="z2"), "cassandra/db-0 runs on @zone z2"),
        (RoundRobin(field="rack", values=2), place(rack="r1"), "rack r1 already runs 1, another one only 0"),
        (Together(field="rack"), place(rack="r3"), "app-0 runs on rack r1"),
        (
            AnyOf(rules=(Is(field="rack", values=("r9",)), Has(field="gpu"))),
            place(rack="r1"),
            "rack r1 is not r9 and no gpu",
        ),
        (
            All(rules=(Is(field="rack", values=("r9",)), Has(field="gpu"), Has(field="rack"))),
            place(rack="r1"),
            "rack r1 is not r9 and no gpu",
        ),
    ],
)  # fmt: skip
def test_each_refusal_tells_values(rule: Rule, at: Place, expected: str) -> None:
    """What is there, and what was wanted."""
    assert list(rule_set((), (rule,)).refusals(at, OTHERS)) == [expected]


def test_the_first_that_has_to_be_near_its_own_goes_anywhere() -> None:
    """And the others follow it."""
    rule = Near(to=OWN, field="rack")
    assert verdict(rule, place(rack="r2"), around([], [])).kept
    assert not verdict(rule, place(rack="r2"), OTHERS).kept
    assert verdict(rule, place(rack="r1"), OTHERS).kept


@given(st.lists(RULES, max_size=3), st.lists(st.tuples(PLACES, NAMED, NAMED), max_size=4))
def test_rules_that_are_made_ready_say_the_same_each_time(
    rules: list[Rule], asked: list[tuple[Place, list[Place], list[Place]]]
) -> None:
    """Whatever they were asked before."""
    ready = rule_set((), tuple(rules))
    for at, own, db in asked:
        neighbours = around(own, db)
        verdicts = [verdict(rule, at, neighbours) for rule in rules]
        assert list(ready.refusals(at, neighbours)) == [why for kept, why in verdicts if not kept]
