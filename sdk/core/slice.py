"""A part of the state that belongs together: a value between frames, in the hands of one frame while that lasts."""

from typing import TypeVar

T = TypeVar("T", bound="Slice")


class Slice:
    """Holds values and persistent maps only. A frame takes a copy and changes that; nobody changes it later."""

    def copy(self: T) -> T:
        """To be changed while this one stays as it is; what it holds is shared."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy
