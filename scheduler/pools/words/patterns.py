"""Regular expressions from users: RE2's, of a bounded length. What RE2 takes may be matched against untrusted names."""

from sdk.pattern import BadPattern, Pattern

MAX_PATTERN = 512


def pattern_problem(pattern: str) -> str | None:
    """The rule that `pattern` breaks, as the end of a sentence in RE2's words, or None when it may be used."""
    if len(pattern) > MAX_PATTERN:
        return f"must not be longer than {MAX_PATTERN} characters"
    try:
        Pattern(pattern)
    except BadPattern as error:
        return str(error)
    return None
