"""What is remembered of changes."""

from api.dcos_template.publishing.trace import KEPT, Stamps, Step, Trace
from api.dcos_template.selecting.touched import Spot

SPOT = Spot("app", "agentip_10.0.0.1_80")


def test_a_change_is_told_with_the_moments_of_its_hops() -> None:
    """The newest first; those that are not known are left out."""
    trace = Trace()
    trace.selected(["t1"], Stamps(event=1.0, taken=2.0, selected=3.0))
    trace.published("web", [Step("t1", SPOT, True, 7)], 4.0, 5.0)
    trace.selected(["t1"], Stamps(taken=6.0, selected=7.0))
    trace.published("web", [Step("t1", SPOT, False, 8), Step("t2", SPOT, True, 9)], 8.0, 9.0)
    assert [(one["change"], one["sequence"], one["stamps"]) for one in trace.of("t1")] == [
        ("remove", 8, {"taken": 6.0, "selected": 7.0, "published": 8.0, "stored": 9.0}),
        ("put", 7, {"event": 1.0, "taken": 2.0, "selected": 3.0, "published": 4.0, "stored": 5.0}),
    ]
    assert {(one["pool"], one["backend"], one["server"]) for one in trace.of("")} == {("web", *SPOT)}
    assert len(trace.of("")) == 3


def test_only_the_last_ones_are_remembered() -> None:
    """Whatever comes."""
    trace = Trace()
    for number in range(2 * KEPT):
        trace.selected([f"t{number}."], Stamps(taken=float(number)))
        trace.published("web", [Step(f"t{number}.", SPOT, True, number)], 1.0, 2.0)
    assert len(trace.of("")) == KEPT
    assert trace.of("t1.") == []
    assert trace.stamps("t1.") == Stamps()


def test_a_part_of_an_id_is_enough() -> None:
    """Ids of tasks end in what nobody can type."""
    trace = Trace()
    trace.published("web", [Step("shop_web.7f3a", SPOT, True, 1), Step("other.91c0", SPOT, True, 2)], 4.0, 5.0)
    assert [one["task"] for one in trace.of("shop")] == ["shop_web.7f3a"]
