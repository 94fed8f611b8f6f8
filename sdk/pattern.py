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


class PatternSet:
    """Patterns that are searched for together: one pass over a text finds all that match, some at a time.

    Memory is bounded as for as many single patterns.
    """

    #: More in one set would need more memory for one text; fewer, more passes.
    TOGETHER = 16

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []
        self._chunk_of: dict[Pattern, _Chunk] = {}

    def __len__(self) -> int:
        return len(self._chunk_of)

    def add(self, pattern: Pattern) -> None:
        """Search for it, too; without effect when it is there."""
        if pattern in self._chunk_of:
            return
        if not self._chunks or len(self._chunks[-1].patterns) >= self.TOGETHER:
            self._chunks.append(_Chunk())
        chunk = self._chunks[-1]
        chunk.patterns.append(pattern)
        chunk.stale = True
        self._chunk_of[pattern] = chunk

    def discard(self, pattern: Pattern) -> None:
        """Do not search for it any more."""
        chunk = self._chunk_of.pop(pattern, None)
        if chunk is None:
            return
        chunk.patterns.remove(pattern)
        chunk.stale = True
        if not chunk.patterns:
            self._chunks.remove(chunk)

    def found_in(self, text: str) -> list[Pattern]:
        """Those that match anywhere in `text`, which must be writable as UTF-8."""
        return [pattern for chunk in self._chunks for pattern in chunk.found_in(text)]


class _Chunk:
    __slots__ = ("_set", "patterns", "stale")

    def __init__(self) -> None:
        self.patterns: list[Pattern] = []
        self.stale = True
        self._set: re2.Set | None = None

    def found_in(self, text: str) -> list[Pattern]:
        if self.stale:
            self._set, self.stale = self._compiled(), False
        if self._set is None:
            return [pattern for pattern in self.patterns if pattern.found_in(text)]
        return [self.patterns[number] for number in self._set.Match(text) or ()]

    def _compiled(self) -> "re2.Set | None":
        """None when the patterns are too large to be searched for together: then each is by itself."""
        options = re2.Options()
        # Enough for each of them at its limit: RE2 says nothing when a set has no room to search in.
        options.max_mem = MAX_MEM * PatternSet.TOGETHER
        options.log_errors = False
        made = re2.Set.SearchSet(options)
        try:
            for pattern in self.patterns:
                made.Add(pattern.text)
            made.Compile()
        except re2.error:
            return None
        return made
