"""Which labels of a task or a port are kept. Pure."""

from collections.abc import Mapping
from sys import intern

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.notes import Notes
from api.mesos_listener.task import Labels

_OURS = "edgelb"
_LONGEST_PREFIX = max(map(len, bounds.LABEL_PREFIXES))


def read_labels(value: messages.Labels, notes: Notes, what: str = "labels") -> Labels:
    """Those that are meant for load balancers, sorted; of a key that stands twice the last value counts.

    Of a kind none are kept where they are too many or too long: half of what a task asks for may be the wrong half.
    """
    found: dict[str, dict[str, str]] = {}
    for label in value.labels:
        start = label.key[:_LONGEST_PREFIX].lower()
        if start.startswith(bounds.LABEL_PREFIXES):
            found.setdefault(start[: len(_OURS)], {})[label.key] = label.value
    kept: dict[str, str] = {}
    for kind, texts in found.items():
        if problem := _problem(texts):
            notes.add(f"its {what} {'edgelb' if kind == _OURS else 'HAPROXY_'}... are not used: {problem}")
        else:
            kept |= {intern(key): intern(text) for key, text in texts.items()}
    return tuple(sorted(kept.items()))


def _problem(texts: Mapping[str, str]) -> str | None:
    """Why labels of a kind are not kept."""
    long = [key for key, text in texts.items() if len(key) > bounds.MAX_LABEL_KEY or len(text) > bounds.MAX_LABEL_VALUE]
    if long:
        return f"{long[0][:40]} is too long"
    total = sum(len(key) + len(text) for key, text in texts.items())
    if len(texts) > bounds.MAX_LABELS or total > bounds.MAX_LABELS_TEXT:
        return f"they are {len(texts)} of {total} characters, which is too much"
    return None
