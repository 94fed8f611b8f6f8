"""Marathon's names in the ids and names of its tasks."""

import re

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# "/" of an app or pod id is "_" in the task id, which no id may contain: so, unlike the reversed task name, the task id
# is unambiguous even for ids with dots. Forms:
#   foo_bar.<uuid>[.<attempt>]                          apps, before there were instances
#   foo_bar.instance-<uuid>.$anon[.<attempt>]           apps, Marathon 1.5 to 1.8
#   foo_bar.instance-<uuid>._app[.<attempt>]            apps, Marathon 1.9 and later
#   foo_bar.instance-<uuid>.<container>[.<attempt>]     pods
#   foo_bar.marathon-<uuid>...                          instead of `instance-`: carried over from before instances
_TASK_ID = re.compile(
    rf"(?P<path>[a-z0-9._-]+?)\."
    rf"(?:{_UUID}|(?:instance|marathon)-{_UUID}(?:\.(?P<container>[A-Za-z0-9_-]+|\$anon))?)(?:\.[0-9]+)?"
)
_LONGEST_ID = 255

#: Which names of frameworks count as Marathons unless the listener is told otherwise; RE2, found anywhere in the name.
#: A Marathon on Marathon is called as its operator likes; by custom the name has "marathon" in it.
DEFAULT_FRAMEWORKS = "(?i)marathon"
_APPS = frozenset({"", "_app", "$anon"})


def marathon_names(task_name: str, task_id: str) -> tuple[str, str]:
    """The app or pod id that a Marathon means with this name and id, and the container's name for pods; else empty."""
    match = _TASK_ID.fullmatch(task_id) if len(task_id) <= _LONGEST_ID else None
    if match:
        container = match["container"] or ""
        return "/" + match["path"].replace("_", "/"), "" if container in _APPS else container
    if task_name:
        return "/" + "/".join(reversed(task_name.split("."))), ""
    return "", ""
