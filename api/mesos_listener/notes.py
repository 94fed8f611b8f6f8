"""What is not used of one task, as sentences. Pure."""

from sys import intern

from api.mesos_listener import task as bounds


class Notes:
    """The first few sentences about one task."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        """Note a sentence once."""
        if len(self._told) < bounds.MAX_NOTES:
            self._told[sentence[: bounds.MAX_NOTE]] = None

    def text(self, value: str, most: int, what: str) -> str:
        """`value`, kept once for all tasks; empty and noted when it is longer than `most`."""
        if len(value) > most:
            self.add(f"its {what} of {len(value)} characters is not used: the limit is {most}")
            return ""
        return intern(value)

    def told(self) -> tuple[str, ...]:
        """The sentences."""
        return tuple(self._told)
