"""Regular expressions of users, matched by RE2 against texts that other people choose. Pure.

RE2 takes time linear in the text whatever the pattern, and a bounded amount of memory, so neither side can stop the
process. Its dialect is the one of Go and of Mesos; it knows neither back-references nor look-around.
"""

import re2

#: Bytes that one compiled pattern may take. What needs more, such as `(a{1000}){1000}`, is refused when it is compiled.
MAX_MEM = 1 << 20


class BadPattern(ValueError):
    """The text is not a pattern; the message is the end of a sentence, in RE2's words."""


class Pattern:
    """A compiled pattern; equal to others of the same text."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str) -> None:
        """Raises BadPattern."""
        options = re2.Options()
        options.max_mem = MAX_MEM
        options.log_errors = False
        try:
            self._program = re2.compile(text, options)
        except UnicodeEncodeError as error:
            raise BadPattern("is not a regular expression: half of a surrogate pair stands in it") from error
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise BadPattern(f"is not a regular expression of RE2: {words}") from error
        self.text = text

    def found_in(self, text: str) -> bool:
        """True when it matches anywhere in `text`, which must be writable as UTF-8."""
        return self._program.search(text) is not None

    def matches(self, text: str) -> bool:
        """True when it matches the whole of `text`, which must be writable as UTF-8."""
        return self._program.fullmatch(text) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"
