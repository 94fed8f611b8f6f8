"""What comes before a command of the command executor: sandboxes of tasks in groups, volumes, files, the user and the
limits of the process.

Loaded once per task, so it imports what only some tasks need when they need it.
"""

from __future__ import annotations

import os
import sys

from sdk.local.executor_link import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Unstartable(Exception):
    """A task cannot be started; the text says why."""


def account(user: str | None) -> Any:
    """The password entry of the user to run as; None to go on as whoever this is. Unstartable for an unknown one."""
    if user is None or os.geteuid() != 0 or os.environ.get("MESOS_SWITCH_USER") == "0":
        return None
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise Unstartable(f"No such user '{user}'") from None
    return None if entry.pw_uid == 0 else entry


def become(entry: Any) -> None:
    """Go on as that user."""
    if entry is not None:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def set_limits(container: dict[str, Any]) -> None:
    """Set the RLimitInfo of a container for this process."""
    from sdk.local.rlimits import BadLimit, apply

    try:
        apply(container)
    except (BadLimit, OSError) as error:
        raise Unstartable(f"Failed to launch container: {error}") from None


def _give(path: str, entry: Any) -> None:
    if entry is not None:
        os.chown(path, entry.pw_uid, entry.pw_gid)


def make_sandbox(info: dict[str, Any], directory: str, parent: str, entry: Any) -> None:
    """The own directory of a task in a group with its volumes, for the user who runs it; Unstartable for what cannot
    be. `parent` is the executor's sandbox.
    """
    from sdk.local.unsupported import refusal

    command, container = info.get("command", {}), info.get("container", {})
    name = info["task_id"]["value"]
    why = refusal(command, container)
    if why is None and "value" not in command:
        why = "its command has no value"
    if why is None and ("/" in name or "\0" in name or not name.strip(".")):
        why = f"the task id '{name}' cannot name a directory"
    if why is not None:
        raise Unstartable(why)
    os.makedirs(directory, mode=0o750, exist_ok=True)  # noqa: PTH103 - pathlib would cost its import in every task
    _give(directory, entry)
    disks = [item for item in info.get("resources", ()) if {"persistence", "volume"} <= set(item.get("disk", {}))]
    if disks or container.get("volumes"):
        from pathlib import Path

        from sdk.local.volumes import BadVolume, show_container, show_parents

        try:
            show_parents(disks, Path(directory), Path(parent))
            show_container(container, Path(directory), Path(parent), lambda path: _give(str(path), entry))
        except BadVolume as error:
            raise Unstartable(str(error)) from None


def enter(directory: str, container_id: str, uris: list[dict[str, Any]], entry: Any) -> None:
    """In the child: go to the task's own sandbox and fetch what its command names."""
    os.chdir(directory)
    for name, number in (("stdout", 1), ("stderr", 2)):
        descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, number)
        os.close(descriptor)
        _give(f"{directory}/{name}", entry)
    if not uris:
        return
    # The fetcher needs a good part of the standard library; only tasks with URIs pay for it.
    from pathlib import Path

    from sdk.local.fetcher import Fetcher, FetchFailed

    timeout = parse_duration(os.environ.get("MESOS_FETCHER_STALL_TIMEOUT", "60secs"))
    before = set(Path(directory).rglob("*"))
    try:
        Fetcher(Path(directory), _log, None, timeout).fetch(uris)
    except FetchFailed as error:
        raise Unstartable(
            f"Failed to launch container: Failed to fetch all URIs for container '{container_id}': {error}"
        ) from None
    if entry is not None:
        for path in set(Path(directory).rglob("*")) - before:
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
