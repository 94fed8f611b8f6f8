"""The printed form of a configuration: its parts with their texts.

Does not know how it is printed (text.py): that is done in processes of its own, and what only hands the texts on needs
no templates.
"""

from dataclasses import dataclass

from pool_executor.contract import Needs, Part


@dataclass(frozen=True, slots=True)
class Text:
    """One part of a structure with its text."""

    part: Part
    text: str

    @classmethod
    def of(cls, name: str, kind: str, text: str, listener: str = "", needs: Needs | None = None) -> "Text":
        """The part that consists of `text`, and of a listener what it needs."""
        return cls(Part.of(name, kind, text, listener, needs), text)

    def saying(self, text: str) -> "Text":
        """The same part with another text."""
        part = self.part
        return Text(Part.of(part.name, part.kind, text, part.listener, part.needs), text)


Texts = dict[str, Text]
"""By the name of the part."""
