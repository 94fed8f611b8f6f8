"""Map files as HAProxy reads them, and the orders that lead from one to another while requests arrive. Pure.

Knows the two kinds of lookup tables that a structure has (`hosts-*` and `routes-*`, docs/reference/contracts.md), in
which the order of lines means nothing, and takes every other map as a list in which it does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pool_executor.contract import HOSTS_MAPS, ROUTES_MAPS
from pool_executor.lbmgr.haproxy.orders import Command, ReplaceMap, Run

# Keys and values that HAProxy's command line takes as they are; others go into a payload, where nothing is special.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:/@%+=~*,|-]+")
# HAProxy looks for a single line from the beginning of the map; more orders than these are one transaction instead.
_MOST_SINGLE_ORDERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdit:
    """The orders for one map in three stages.

    Every map takes the first stage before any takes the second, and so on: lines are there before another map leads to
    them, and go when none does any more.
    """

    first: tuple[Command, ...] = ()
    then: tuple[Command, ...] = ()
    last: tuple[Command, ...] = ()


def entries(text: str) -> list[str]:
    """The `key value` lines of a map file as HAProxy reads it: blank lines and lines that begin with # are left out."""
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def edit(name: str, old: Sequence[str], new: Sequence[str]) -> MapEdit:
    """The way of the map file `name` from the lines `old` to `new`."""
    before, after = _table(old), _table(new)
    if before is None or after is None:
        return MapEdit(then=_ordered(name, old, new))
    if name.startswith(ROUTES_MAPS):
        return _routes(name, before, after)
    if name.startswith(HOSTS_MAPS):
        # A host comes before, and goes after, the group of all other hosts changes: it is none of them at any moment.
        orders = [*_puts(name, before, after), *_deletions(name, before, after)]
        return MapEdit(then=(ReplaceMap(name, tuple(new)),) if (few := _few(orders)) is None else few)
    return MapEdit(then=_ordered(name, old, new))


def _routes(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> MapEdit:
    """Lines of groups that come first, lines of groups that go last."""
    first, last = _few(_puts(name, before, after)), _few(_deletions(name, before, after))
    return MapEdit(
        first=(_replace(name, {**before, **after}),) if first is None else first,
        last=(_replace(name, after),) if last is None else last,
    )


def _replace(name: str, table: Mapping[str, str]) -> ReplaceMap:
    return ReplaceMap(name, tuple(f"{key} {value}" for key, value in table.items()))


def _puts(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Run]:
    # Longer ones first: a host with a port is there before the host is, for which it would be taken meanwhile, and
    # x.example.com before *.example.com.
    come = sorted(after.keys() - before.keys(), key=lambda key: (-len(key), key.startswith("*"), key))
    changed = (key for key in after.keys() & before.keys() if after[key] != before[key])
    return [
        *(Run(f"add map {{maps}}/{name} {key} {after[key]}") for key in come),
        *(Run(f"set map {{maps}}/{name} {key} {after[key]}") for key in sorted(changed, key=_all_other_hosts_last)),
    ]


def _deletions(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Run]:
    # Shorter prefixes first: a request that is on its way with a group that goes finds its own prefix, or nothing.
    gone = sorted(before.keys() - after.keys(), key=lambda key: (len(key), not key.startswith("*"), key))
    return [Run(f"del map {{maps}}/{name} {key}") for key in gone]


def _all_other_hosts_last(key: str) -> tuple[bool, str]:
    return key == "*", key


def _few(orders: Sequence[Run]) -> tuple[Command, ...] | None:
    """The orders when they are few and HAProxy's command line reads all words as they are."""
    words = [order.line.split()[3:] for order in orders]
    plain = all(len(some) <= 2 and all(_PLAIN_WORD.fullmatch(word) for word in some) for some in words)
    return tuple(orders) if plain and len(orders) <= _MOST_SINGLE_ORDERS else None


def _table(lines: Sequence[str]) -> dict[str, str] | None:
    """The lines by key; None when a key stands twice or has no value, so that orders by key would be ambiguous."""
    pairs = [line.split(None, 1) for line in lines]
    found = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return found if len(found) == len(pairs) else None


def _ordered(name: str, old: Sequence[str], new: Sequence[str]) -> tuple[Command, ...]:
    """One order when the lists differ in one entry and their order stays, else a transaction."""
    if len(old) == len(new):
        differing = [index for index in range(len(new)) if old[index] != new[index]]
        changes = [(old[index].split(None, 1), new[index].split(None, 1)) for index in differing]
        if len(changes) == 1 and len(changes[0][1]) == 2 and changes[0][0][0] == changes[0][1][0]:
            key, value = changes[0][1]
            return _by_key(name, f"set map {{maps}}/{name} {key} {value}", (key, value), new)
    # `add map` appends: only at the end of the file does the order stay.
    elif len(new) == len(old) + 1 and list(old) == list(new[:-1]):
        words = new[-1].split(None, 1)
        if len(words) == 2:
            return _by_key(name, f"add map {{maps}}/{name} {' '.join(words)}", words, new)
    elif len(new) == len(old) - 1:
        at = next((index for index in range(len(new)) if old[index] != new[index]), len(new))
        if [*old[:at], *old[at + 1 :]] == list(new):
            key = old[at].split(None, 1)[0]
            return _by_key(name, f"del map {{maps}}/{name} {key}", (key,), new, old)
    return (ReplaceMap(name, tuple(new)),)


def _by_key(
    name: str, order: str, words: Sequence[str], new: Sequence[str], old: Sequence[str] = ()
) -> tuple[Command, ...]:
    """The order, unless its key stands twice or the command line would read its words differently."""
    keys = [line.split(None, 1)[0] for line in old or new]
    if keys.count(words[0]) == 1 and all(_PLAIN_WORD.fullmatch(word) for word in words):
        return (Run(order),)
    return (ReplaceMap(name, tuple(new)),)
