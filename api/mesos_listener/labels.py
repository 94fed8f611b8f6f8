"""Which labels of a task or a port are kept. Pure."""

from sys import intern

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.notes import Notes
from api.mesos_listener.task import Labels

_PREFIX = len(bounds.LABEL_PREFIXES[0])  # all are of one length


def read_labels(value: messages.Labels, notes: Notes, what: str = "labels") -> Labels:
    """Those that are meant for load balancers, sorted; of a key that stands twice the last value counts."""
    found: dict[str, str] = {}
    left_out = total = 0
    for label in value.labels:
        if label.key[:_PREFIX].lower() not in bounds.LABEL_PREFIXES:
            continue
        if len(label.key) > bounds.MAX_LABEL_KEY or len(label.value) > bounds.MAX_LABEL_VALUE:
            left_out += 1
        else:
            found[intern(label.key)] = intern(label.value)
    if not found and not left_out:
        return ()
    kept: dict[str, str] = {}
    for key in sorted(found):
        total += len(key) + len(found[key])
        if len(kept) < bounds.MAX_LABELS and total <= bounds.MAX_LABELS_TEXT:
            kept[key] = found[key]
    left_out += len(found) - len(kept)
    if left_out:
        notes.add(f"{left_out} of its {what} are not used: they are too many or too long")
    return tuple(kept.items())
