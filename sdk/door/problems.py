"""What is found wrong with a value: all of it, so that whoever wrote it mends it once."""

from sdk.errors import InvalidSpec

TOLD = 20
"""More problems help nobody."""
_SHOWN = 80


class Problems:
    """The first problems are kept, in the order in which they are found, and the others counted."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []
        self._more = 0

    def add(self, path: str, rule: str) -> None:
        """One more."""
        if len(self._told) < TOLD:
            self._told.append((path, rule))
        else:
            self._more += 1

    def complain(self) -> None:
        """Raise `InvalidSpec` with all of them if there are any."""
        if self._told:
            (path, rule), *others = self._told
            raise InvalidSpec(path, rule, *others, more=self._more)


def shown(value: object, *, veiled: bool = False) -> str:
    """A value as it may stand in a sentence: of one that may be a secret (`veiled`), or hold some, only its type."""
    if veiled or not (value is None or isinstance(value, str | int | float)):
        return f"a value of type {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
