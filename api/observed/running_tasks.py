"""The tasks that run under a pool template, asked of the template process in charge, page by page.

Knows how many are asked for, and for how long. Whoever tries a template does it with what there is: why that is not
everything is a sentence.
"""

import time
from dataclasses import dataclass

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.task_page import read_page
from api.mesos_listener.task import Task, TaskKey
from api.observed.template_link import ask_template
from api.web.problems import ApiProblem
from sdk.errors import CorruptRecord, SdkError
from sdk.storage.connection import ZooKeeper

_MOST = 50_000
#: Seconds for all pages together.
_PATIENCE = 5.0
_NOT_ALL = "the pool template was not tried with all tasks that run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTasks:
    """Those that are known; `missing` is a sentence that says why these are not all, `""` where they are."""

    tasks: tuple[Task, ...] = ()
    dialects: Dialects
    missing: str = ""


def running_tasks(zookeeper: ZooKeeper, root: str, template: str) -> RunningTasks:
    """Under a template."""
    found: dict[TaskKey, Task] = {}  # one that moved between two pages is on both
    dialects, missing, until = Dialects(), "", time.monotonic() + _PATIENCE
    after: int | None = 0
    while after is not None and not missing:
        try:
            told = ask_template(zookeeper, root, "/exposed", "exposed", dict, template=template, after=str(after))
            page = read_page(told)
        except (ApiProblem, SdkError, CorruptRecord) as error:
            missing = f"{_NOT_ALL}: {error}"
            break
        found |= {task.key: task for task in page.tasks}
        dialects, after = page.dialects, page.after
        if not page.complete:
            missing = f"{_NOT_ALL}: the template process does not know all of them yet"
        elif after is not None and (len(found) >= _MOST or time.monotonic() > until):
            missing = f"the pool template was tried with the first {len(found)} of the tasks that run"
    return RunningTasks(tasks=tuple(found.values()), dialects=dialects, missing=missing)
