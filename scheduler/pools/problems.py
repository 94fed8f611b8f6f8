"""What is wrong with a pool: a list of values, each with its field path, and the error that carries them."""

from dataclasses import dataclass

_SHOWN = 80
_MAX_REPORTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One broken rule. `path` starts with `pool`; `value` is the refused value as it may be shown, or None."""

    path: str
    rule: str
    value: str | None = None

    def __str__(self) -> str:
        # The one documented message is `pool.name: foo:bar invalid: did not match ^...$`; all others follow its form.
        return f"{self.path}: {self.rule}" if self.value is None else f"{self.path}: {self.value} invalid: {self.rule}"


class InvalidPool(ValueError):
    """A pool breaks rules; the message is the problems joined by `; `."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        shown = [str(problem) for problem in problems[:_MAX_REPORTED]]
        if len(problems) > _MAX_REPORTED:
            shown.append(f"and {len(problems) - _MAX_REPORTED} more")
        super().__init__("; ".join(shown))
        self.problems = problems


def shown(value: object) -> str | None:
    """`value` as it may stand in a message: scalars only, shortened, control characters escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))
    if not text:
        return '""'
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
