"""What a check of `edgelb doctor` found."""

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "warn", "fail"
"""All is well; works, but look at it; something will not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: `level`, what was looked at, what was seen, and what to do unless it is ok."""

    level: str
    subject: str
    seen: str
    advice: str = ""
