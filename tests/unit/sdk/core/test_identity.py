"""What Mesos was told of the framework for good: stored with its id, and told anew with another one only."""

from sdk.codecs import decode, encode
from sdk.core.decide import decide
from sdk.core.events import Event, Failed, RenewalRequested, Subscribed
from sdk.core.state import State
from sdk.model.ids import FrameworkId
from sdk.model.records import FrameworkRecord

ONE, OTHER = FrameworkId("f-1"), FrameworkId("f-2")


def after(state: State, *events: Event) -> State:
    for event in events:
        state, _ = decide(state, event, 1.0, lambda: "id")
    return state


def subscribed(framework_id: FrameworkId = ONE, user: str = "root", *, checkpoint: bool = True) -> Subscribed:
    return Subscribed(framework_id=framework_id, master="m:5050", user=user, checkpoint=checkpoint)


def test_what_was_told_first_stays_on_record() -> None:
    """Mesos ignores another user or checkpoint in a later SUBSCRIBE."""
    state = after(State.initial(FrameworkRecord(name="f")), subscribed(), subscribed(user="www", checkpoint=False))
    assert (state.framework.user, state.framework.checkpoint) == ("root", True)
    stored = decode(FrameworkRecord, encode(state.framework), "framework")
    assert stored == state.framework


def test_an_older_record_learns_it_with_the_next_subscription() -> None:
    """It knows an id and no user."""
    state = after(State.initial(FrameworkRecord(name="f", framework_id=ONE)), subscribed(user="www"))
    assert state.framework.user == "www"


def test_another_id_is_another_framework() -> None:
    """By a renewal, or because Mesos has given one."""
    begun = after(State.initial(FrameworkRecord(name="f")), subscribed())
    renewed = after(begun, Failed(message="gone", removed=True), RenewalRequested())
    assert (renewed.framework.user, renewed.framework.checkpoint) == (None, None)
    assert after(renewed, subscribed(OTHER, "www")).framework.user == "www"
    assert after(begun, subscribed(OTHER, "www")).framework.user == "www"
