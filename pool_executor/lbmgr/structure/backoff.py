"""How long a reload that failed is not tried again. Pure."""

from dataclasses import dataclass

# A HAProxy that fails to start may have made the one that serves pause its listeners for a moment, so it is not tried
# often. The same structure fails again unless something outside of it changed. Another one may be the cure that an
# operator sends; but it may as well be the next of a series that all fail.
_SAME_STRUCTURE, _OTHER_STRUCTURE = 60.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReload:
    """A reload that failed at the time `at` although HAProxy had accepted the files; `structure` is what they said."""

    structure: object
    at: float

    def not_before(self, structure: object) -> float:
        """When a reload with this structure may be tried."""
        return self.at + (_SAME_STRUCTURE if structure == self.structure else _OTHER_STRUCTURE)
