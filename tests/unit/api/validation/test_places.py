"""Who gets a place when there are few."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from api.validation.places import Busy, Places
from tests.support.wait import wait_until


class Asker:
    """A thread that asks for a place, and holds it until it is told to leave."""

    def __init__(self, places: Places, account: str) -> None:
        self.inside = threading.Event()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(places, account))
        self._thread.start()

    def _run(self, places: Places, account: str) -> None:
        with places.place(account, 30.0):
            self.inside.set()
            self._leave.wait(30.0)

    def leave(self) -> None:
        self._leave.set()
        self._thread.join()


@pytest.fixture
def askers() -> Iterator[ExitStack]:
    """Those that are still there at the end leave."""
    with ExitStack() as stack:
        yield stack


def ask(askers: ExitStack, places: Places, account: str) -> Asker:
    found = Asker(places, account)
    askers.callback(found.leave)
    return found


def waiting(places: Places, number: int) -> None:
    wait_until(lambda: len(places._waiting) == number, what=f"{number} wait")


def test_nobody_who_has_a_name_holds_all_places(askers: ExitStack) -> None:
    """Another one finds one free, however many the first asks for."""
    places = Places(2)
    first = ask(askers, places, "ann")
    assert first.inside.wait(30.0)
    second = ask(askers, places, "ann")
    waiting(places, 1)
    assert ask(askers, places, "bob").inside.wait(30.0)
    assert not second.inside.is_set()
    first.leave()
    assert second.inside.wait(30.0)


def test_where_users_are_not_told_apart_all_places_are_used(askers: ExitStack) -> None:
    """And the next one is told that it has to wait."""
    places = Places(2)
    for _ in range(2):
        assert ask(askers, places, "").inside.wait(30.0)
    with pytest.raises(Busy, match="other pools are judged since 0 s"), places.place("", 0.0):
        raise AssertionError("there is none")
    assert not places._waiting


def test_who_holds_the_fewest_comes_first(askers: ExitStack) -> None:
    """Although others have waited longer."""
    places = Places(3)
    held = [ask(askers, places, name) for name in ("ann", "ann", "bob")]
    assert all(one.inside.wait(30.0) for one in held)
    third = ask(askers, places, "ann")
    waiting(places, 1)
    again = ask(askers, places, "bob")
    waiting(places, 2)
    held[0].leave()
    assert third.inside.wait(30.0)
    other = ask(askers, places, "cid")
    waiting(places, 2)
    held[1].leave()
    assert other.inside.wait(30.0)
    assert not again.inside.is_set()


def test_what_fails_in_a_place_leaves_it() -> None:
    """For the next one."""
    places = Places(1)
    for _ in range(2):
        with pytest.raises(KeyError), places.place("ann", 0.0):
            raise KeyError
