"""The words of a line of HAProxy's configuration: how it reads them, and how they are written so that it reads these.

Knows quotes, escapes and comments. Does not know what any word means.
"""

import re
from collections.abc import Sequence

LONGEST = 1024
"""Characters of a line; HAProxy's own bound is above it, however many of them have to be escaped."""
MOST_WORDS = 60
"""HAProxy takes 64."""
MOST_LINES = 200

_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", " ": " ", "\\": "\\", "#": "#", "'": "'", '"': '"'}
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:;=+*/@%&?!|~^(){}\[\]<>-]+")
_WRITTEN = {"\t": r"\t", "\n": r"\n", "\r": r"\r", " ": r"\ ", "\\": r"\\", "#": r"\#", "'": r"\'", '"': r"\""}


class BadWords(ValueError):
    """A text is no line of words; the message is the rule it breaks, the end of a sentence."""


def read_words(text: str) -> tuple[str, ...]:
    """The words of one line, without the comment at its end; raises BadWords."""
    if len(text) > LONGEST:
        raise BadWords(f"must not be longer than {LONGEST} characters")
    if "\n" in text or "\r" in text:
        raise BadWords("must be one line; give each line on its own")
    if not text.replace("\t", " ").isprintable():
        raise BadWords("must not hold control characters")
    words = tuple(_Reader(text).words())
    if not words:
        raise BadWords("must not be empty")
    if len(words) > MOST_WORDS:
        raise BadWords(f"must not have more than {MOST_WORDS} words")
    return words


def printed(words: Sequence[str]) -> str:
    """The line that HAProxy reads as these words."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    # Within single quotes HAProxy takes everything as it is: easier to read, where it can be.
    if "'" not in word and word.isprintable():
        return f"'{word}'"
    return "".join(_WRITTEN.get(char, char) for char in word)


class _Reader:
    """Goes through one line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._quote = ""

    def words(self) -> list[str]:
        """All of them."""
        found: list[str] = []
        word: str | None = None
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == self._quote or (char in "'\"" and not self._quote):
                self._quote = "" if self._quote else char
                word = word or ""
            elif char == "\\" and self._quote != "'":
                word = (word or "") + self._escaped()
            elif char in " \t" and not self._quote:
                _take(found, word)
                word = None
            elif char == "#" and not self._quote:
                break
            elif char == "$" and self._quote == '"':
                raise BadWords('must not hold $ within "": variables of the environment are not filled in')
            else:
                word = (word or "") + char
        if self._quote:
            raise BadWords(f"must close what it opens with {self._quote}")
        _take(found, word)
        return found

    def _escaped(self) -> str:
        """What stands behind a backslash."""
        following = self._text[self._at : self._at + 1]
        if not following:
            raise BadWords("must not end with a backslash: a line goes on in no other one")
        if following == "$" and self._quote:
            self._at += 1
            return "$"
        if following == "x":
            digits = self._text[self._at + 1 : self._at + 3]
            char = chr(int(digits, 16)) if _HEX.fullmatch(digits) else ""
            if not (" " <= char <= "~" or char in ("\t", "\r", "\n")) or not char:
                raise BadWords(r"must hold \x with two digits for a character of ASCII only")
            self._at += 3
            return char
        if following in _ESCAPED:
            self._at += 1
            return _ESCAPED[following]
        return "\\"  # of a regular expression, say: HAProxy leaves it as it is


def _take(found: list[str], word: str | None) -> None:
    if word == "":
        # HAProxy takes it for the end of the line, and does not look at what follows.
        raise BadWords("must not hold empty words")
    if word is not None:
        found.append(word)
