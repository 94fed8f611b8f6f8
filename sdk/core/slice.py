"""A part of the state that belongs together: a value between frames, in the hands of one frame while that lasts."""

from typing import Any, TypeVar

T = TypeVar("T", bound="Slice")
_ABSENT = object()


class Slice:
    """Holds values and persistent maps only. A frame takes a copy and changes that; nobody changes it later.

    What it holds is in a dict that is never changed: to set something is to put another dict in its place. So a copy
    costs nothing before something is set, and whoever remembers the dict can bring back how it was: a frame does so
    several times for each event, and sets little.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__
        if held.get(name, _ABSENT) is not value:
            hold(self, {**held, name: value})

    def copy(self: T) -> T:
        """To be changed while this one stays as it is; what it holds is shared."""
        copy = object.__new__(type(self))
        hold(copy, self.__dict__)
        return copy


hold = vars(Slice)["__dict__"].__set__
"""Have a slice hold what is in a dict: one that was another's, or its own before."""
