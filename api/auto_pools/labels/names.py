"""The names of labels: `edgelb.<group>.<section>.<field>`, and those that are about all groups. Pure."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from api.auto_pools.claim import DEFAULT_GROUP, LabelProblem
from api.auto_pools.labels.separators import ITEM_LABEL, KEY_LABEL, LIST_LABEL
from api.auto_pools.labels.table import TABLE, Row, Section
from scheduler.pools.checks.reserved import reserved
from scheduler.pools.problems import shown
from scheduler.pools.words.texts import link_name

PREFIX = "edgelb."
EXPOSE, TEMPLATE = "edgelb.expose", "edgelb.template"
WORDS = (EXPOSE, TEMPLATE, LIST_LABEL, ITEM_LABEL, KEY_LABEL)
"""The labels without a group; no group is called like one of them."""
_NO_GROUPS = frozenset(word.removeprefix(PREFIX) for word in WORDS)
_SECTIONS = tuple(map(str, Section))
#: Comparing takes time by the square of the length.
_LONGEST_MISTAKE = 80


class Key(NamedTuple):
    """The name of a label, taken apart."""

    group: str
    """`""` where it is about none."""
    row: Row | LabelProblem
    """What of the group it says, or why nobody knows."""


def read_key(label: str, *, suggest: bool = True) -> Key:
    """What the label is about, which is none of WORDS; `suggest` what may be meant, which takes a millisecond."""
    if not label.startswith(PREFIX):
        meant = PREFIX + label[len(PREFIX) :]
        return Key("", LabelProblem(shown(label) or "", "", f"must begin with {PREFIX}", f"write {shown(meant)}"))
    steps = label.removeprefix(PREFIX).split(".")
    if steps[0] in _SECTIONS and (len(steps) < 2 or steps[1] not in _SECTIONS):
        group, section, name = DEFAULT_GROUP, steps[0], ".".join(steps[1:])
    else:
        group, section, name = steps[0], ".".join(steps[1:2]), ".".join(steps[2:])
    row = TABLE.get((section, name))
    if row is None:
        return Key(group if len(steps) > 1 and section else "", _unknown(label, group, section, name, suggest=suggest))
    if group in _NO_GROUPS:
        rule = f"is in a group that cannot be called {group}, which means something else"
        return Key(group, LabelProblem(label, "", rule, "choose another name for the group"))
    if problem := link_name(group) or reserved(group):
        rule = f"is in a group whose name {problem}: it becomes the name of a backend"
        return Key(group, LabelProblem(shown(label) or "", "", rule))
    return Key(group, row)


def _unknown(label: str, group: str, section: str, name: str, *, suggest: bool) -> LabelProblem:
    if not suggest:
        meant = ""
    elif section in _SECTIONS and (near := _nearest(name, (one for half, one in TABLE if half == section))):
        meant = f"edgelb.{group}.{section}.{near}"
    elif name and (near := _nearest(section, _SECTIONS)):
        meant = f"edgelb.{group}.{near}.{name}"
    else:
        meant = _nearest(label, WORDS)
    known = "correct or remove it; docs/reference/auto-pool-labels.md has all"
    remedy = f"did you mean {shown(meant)}?" if meant else known
    return LabelProblem(shown(label) or "", "", "is not known", remedy)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1) if len(word) <= _LONGEST_MISTAKE else []
    return near[0] if near else ""
