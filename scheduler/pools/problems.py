"""What is wrong with a pool: a list of values, each with its field path, and the error that carries them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

NOT_YET = "not supported yet"
"""How the rule begins that a value breaks only because we are not so far: it is none of the user's mistakes."""
_SHOWN = 80
MAX_REPORTED = 20
"""More broken rules help nobody; what is not reported must not cost anything either."""

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One broken rule. `path` starts with `pool`; `value` is the refused value as it may be shown, or None."""

    path: str
    rule: str
    value: str | None = None
    keys: tuple[str | int, ...] | None = None
    """The same place as keys of the JSON, where a key may hold what would be read as part of a path."""

    @property
    def pointer(self) -> str:
        """The place as a JSON Pointer in a URI fragment (RFC 6901, 6), as RFC 9457 has it: `#/haproxy/frontends/0`."""
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)
        return "#" + "".join(f"/{quote(step, safe='~!$&()*+,;=:@')}" for step in steps)

    @property
    def steps(self) -> tuple[str | int, ...]:
        """The place as keys and indices."""
        if self.keys is not None:
            return self.keys
        return tuple(name or int(index) for name, index in _STEP.findall(self.path))

    def __str__(self) -> str:
        # The one documented message is `pool.name: foo:bar invalid: did not match ^...$`; all others follow its form.
        if self.value is None:
            return f"{self.path}: {self.rule}"
        if self.rule.startswith(NOT_YET):
            return f"{self.path}: {self.value} is {self.rule}"
        return f"{self.path}: {self.value} invalid: {self.rule}"


class InvalidPool(ValueError):
    """A pool breaks rules; the message is the problems joined by `; `.

    `problems` are the first MAX_REPORTED, `more` counts those after them, and `uncounted` ones that were left out
    before.
    """

    def __init__(self, problems: Iterable[Problem], uncounted: int = 0) -> None:
        rest = iter(problems)
        self.problems = tuple(islice(rest, MAX_REPORTED))
        self.more = sum(1 for _ in rest) + uncounted
        shown = [str(problem) for problem in self.problems]
        super().__init__("; ".join([*shown, f"and {self.more} more"] if self.more else shown))


def shown(value: object) -> str | None:
    """`value` as it may stand in a message: scalars only, shortened, control characters escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    # Cut first: whoever sends a megabyte is shown its beginning only.
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value)[: _SHOWN + 1])
    if not text:
        return '""'
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
