"""Offer constraints: which agents are offered, and which constraints are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.constraints import Invalid, parse
from tests.unit.sdk.local.model import World, framework_info

Json = dict[str, Any]
AGENT: Json = {
    "hostname": "agent1.mesos.test",
    "attributes": [
        {"name": "zone", "type": "TEXT", "text": {"value": "b"}},
        {"name": "zone", "type": "TEXT", "text": {"value": "second"}},
        {"name": "level", "type": "SCALAR", "scalar": {"value": 3.0}},
    ],
    "domain": {"fault_domain": {"region": {"name": "north"}, "zone": {"name": "n1"}}},
}


def attribute(name: str, **predicate: Json) -> Json:
    """A constraint on an attribute."""
    return {"selector": {"attribute_name": name}, "predicate": predicate}


def pseudo(kind: str, **predicate: Json) -> Json:
    """A constraint on a pseudo attribute."""
    return {"selector": {"pseudoattribute_type": kind}, "predicate": predicate}


def constraints(*groups: list[Json], role: str = "r") -> Json:
    """OfferConstraints of one role."""
    return {"role_constraints": {role: {"groups": [{"attribute_constraints": group} for group in groups]}}}


def offered(*groups: list[Json], agent: Json = AGENT) -> bool:
    """Whether the agent satisfies them."""
    return not parse(constraints(*groups), ["r"]).exclude("r", agent)


@pytest.mark.parametrize(
    ("predicate", "text", "scalar", "absent"),
    [
        ({"exists": {}}, True, True, False),
        ({"not_exists": {}}, False, False, True),
        ({"text_equals": {"value": "b"}}, True, True, False),
        ({"text_equals": {"value": "c"}}, False, True, False),
        ({"text_not_equals": {"value": "b"}}, False, True, True),
        ({"text_not_equals": {"value": "c"}}, True, True, True),
        ({"text_matches": {"regex": "[a-c]"}}, True, True, False),
        ({"text_matches": {"regex": ""}}, False, True, False),
        ({"text_not_matches": {"regex": "[a-c]"}}, False, True, True),
        ({"text_not_matches": {"regex": "x"}}, True, True, True),
    ],
)
def test_predicates(predicate: Json, text: bool, scalar: bool, absent: bool) -> None:
    """On a text, on an attribute that is no text, and without one; the first of a name counts."""
    found = [offered([attribute(name, **predicate)]) for name in ("zone", "level", "nosuch")]
    assert found == [text, scalar, absent]


def test_pseudo_attributes() -> None:
    """HOSTNAME, REGION and ZONE; without a domain there is neither region nor zone."""
    assert offered([pseudo("HOSTNAME", text_matches={"regex": r"agent\d\..*"})])
    assert offered([pseudo("REGION", text_equals={"value": "north"}), pseudo("ZONE", text_equals={"value": "n1"})])
    bare = {"hostname": "x"}
    assert not offered([pseudo("ZONE", exists={})], agent=bare)
    assert offered([pseudo("REGION", not_exists={})], agent=bare)


def test_a_regular_expression_matches_the_whole_text() -> None:
    """Part of the text is not enough."""
    assert not offered([pseudo("HOSTNAME", text_matches={"regex": "agent1"})])
    assert offered([pseudo("HOSTNAME", text_matches={"regex": "agent1.*"})])


def test_one_group_must_hold_as_a_whole() -> None:
    """AND within a group, OR between groups; other roles are not bound."""
    good, bad = attribute("zone", exists={}), attribute("zone", not_exists={})
    assert not offered([good, bad])
    assert offered([good, bad], [good])
    assert not parse(constraints([bad]), ["r", "x"]).exclude("x", AGENT)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (constraints([attribute("a", exists={})], role="x"), "for a role 'x' not contained in the set of roles"),
        (constraints(), "has an empty 'RoleConstraints::groups' for role r"),
        (constraints([]), "contains an empty RoleConstraints::Group"),
        (constraints([attribute("a")]), "Unknown predicate type"),
        (constraints([pseudo("RACK", exists={})]), "Unknown pseudoattribute type"),
        (constraints([{"selector": {}, "predicate": {"exists": {}}}]), "Exactly one of"),
        (constraints([attribute("a", text_matches={"regex": "(a"})]), "Failed to construct regex from pattern '(a': "),
        (constraints([attribute("a", text_matches={"regex": "x" * 150})]), "program size of 154 is larger than"),
        (constraints([attribute("a", text_matches={"regex": "((a{9}){9}){9}"})]), "pattern too large"),
        (constraints([attribute("a", text_matches={"regex": r"(a)\1"})]), "invalid escape sequence"),
    ],
)
def test_what_is_refused(wanted: Json, words: str) -> None:
    """ERROR on SUBSCRIBE and the end of the stream, 400 on UPDATE_FRAMEWORK, with the reason of Mesos."""
    world = World()
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info("r"), "offer_constraints": wanted}}
    answer = world.master.call(call, stream=None, now=0.0, new_stream="bad")
    world.take(answer.outputs)
    assert answer.status == 200
    assert words in world.of("bad", "ERROR")[0]["error"]["message"]
    assert "bad" in world.closed
    assert not world.master.state.frameworks
    world.subscribe("s")
    info = framework_info("r") | {"id": {"value": "M-0000"}}
    refused = world.call("s", "UPDATE_FRAMEWORK", {"framework_info": info, "offer_constraints": wanted})
    assert refused.status == 400
    assert refused.text.startswith("'UpdateFramework' call is not valid: ")
    assert words in refused.text


def test_suppressed_roles_must_be_roles() -> None:
    """A foreign one is refused as Mesos refuses it."""
    world = World()
    world.subscribe("s", "r", suppressed=["x"])
    message = world.of("s", "ERROR")[0]["error"]["message"]
    assert message == "Suppressed roles { x } are not contained in the set of roles"


def test_offers_follow_the_constraints() -> None:
    """Only matching agents are offered; UPDATE_FRAMEWORK changes which."""
    world = World()
    call = {"type": "SUBSCRIBE", "subscribe": {
        "framework_info": framework_info("r"),
        "offer_constraints": constraints([attribute("zone", text_equals={"value": "b"})]),
    }}  # fmt: skip
    world.take(world.master.call(call, stream=None, now=0.0, new_stream="s").outputs)
    world.agent("a1", tags="zone:a")
    world.agent("a2", tags="zone:b")
    assert [offer["hostname"] for offer in world.offers("s")] == ["a2"]
    info = framework_info("r") | {"id": {"value": "M-0000"}}
    assert world.call("s", "UPDATE_FRAMEWORK", {"framework_info": info}).status == 200
    world.at(1.0)
    assert [offer["hostname"] for offer in world.offers("s")] == ["a1"]


def test_no_expression_runs_for_ever() -> None:
    """What makes a backtracking engine try for years is answered: RE2 takes time linear in the text."""
    long = AGENT | {"hostname": "a" * 5_000 + "!"}
    for regex in ("(a+)+", "(a|aa)+", "(a*)*b", "(.*)(.*)(.*)(.*)c"):
        assert not offered([pseudo("HOSTNAME", text_matches={"regex": regex})], agent=long)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_expression_is_taken_or_refused(regex: str, text: str) -> None:
    """Whatever stands in it, an expression is refused with a reason or says yes or no to every text."""
    why = ""
    try:
        found = parse(constraints([pseudo("HOSTNAME", text_matches={"regex": regex})]), ["r"])
        assert found.exclude("r", {"hostname": text}) in (True, False)
    except Invalid as error:
        why = str(error)
    assert not why or "regex" in why.lower()
    assert parse(constraints([pseudo("HOSTNAME", text_matches={"regex": "\ud800"})]), ["r"]).exclude("r", AGENT)
