"""What a change of a pool does to the configuration: its lines, and what an instance does about them. Pure.

The instance's part is what lbmgr itself goes by. Does not know what the scheduler does (scheduler.pools.change).
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render
from pool_executor.lbmgr.structure.content import Content, PartText
from pool_executor.lbmgr.structure.plan import Dynamic, Noop, Reload, plan
from scheduler.pools.stored.record import StoredPool
from sdk.errors import InvalidSpec

MOST_LINES = 2000
"""Of a difference that are told."""


#: Stands for the pool's own, which is shown to nobody and never changes.
_COOKIE_KEY = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`action` is noop, dynamic or reload, with its reason; `diff` are lines as `diff -u` has them, `more` are left
    out. `failed` says why the pools could not be compared.
    """

    action: str = ""
    reason: str = ""
    diff: tuple[str, ...] = ()
    more: int = 0
    failed: str = ""


def compare(before: StoredPool | None, after: StoredPool | None) -> Comparison:
    """What changes where `before` is served, None for nothing."""
    old, new = _texts(before), _texts(after)
    lines = _diff(old, new)
    first = tuple(islice(lines, MOST_LINES))
    more = sum(1 for _ in lines)
    if before is None or after is None:
        return Comparison(diff=first, more=more)
    match plan(_content(old), _content(new)):
        case Noop():
            action, reason = "noop", "HAProxy is told the same but for its servers"
        case Dynamic() as way:
            action, reason = "dynamic", way.reason
        case Reload() as way:
            action, reason = "reload", way.reason
    return Comparison(action=action, reason=reason, diff=first, more=more)


def _texts(stored: StoredPool | None) -> Texts:
    """None of one that cannot be rendered: what is served of it is an older state."""
    try:
        return render(build_config(stored.pool, _COOKIE_KEY), stored.template) if stored is not None else {}
    except InvalidSpec:
        return {}


def _content(texts: Texts) -> Content:
    return Content(parts={name: PartText.of(text.part, text.text) for name, text in texts.items()})


def _diff(old: Texts, new: Texts) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        before, after = (texts[name].text if name in texts else "" for texts in (old, new))
        if before != after:
            yield from difflib.unified_diff(
                before.splitlines(),
                after.splitlines(),
                f"a/{name}" if name in old else "/dev/null",
                f"b/{name}" if name in new else "/dev/null",
                lineterm="",
            )
