"""`--wait`: following a pool until it is ready or gone, one line per load balancer; or an uninstall.

`lines` is pure: from the API's status to what a person reads. The rest polls, and draws: in place on a terminal,
changed lines only elsewhere.
"""

import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import talk
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from api.status.states import DEGRADED, READY, REJECTED, deaths_note, moved_by, refusals

_EVERY = 0.3

Json = Mapping[str, Any]
Lines = dict[str, str]
"""What is said of each thing, by its name."""


def lines(status: Json) -> Lines:
    """What each load balancer does, by its name; the pool's own sentence under the pool's name."""
    found = {str(row["name"]): describe(row) for row in status.get("loadBalancers", [])}
    return {f"pool {status['name']}": f"{status['state']}: {status['summary']}", **found}


def describe(row: Json) -> str:
    """One load balancer: a sentence, and a line for each reason against the offers that it waits for."""
    pending = row.get("pending") or {}
    if refused := refusals(pending or None):
        return "\n    ".join([f"{moved_by(pending) or 'waits for an offer that fits'}:", *refused])
    died = deaths_note(row)
    return f"{_doing(row, pending)}{f'; HAProxy {died}' if died else ''}"


def _doing(row: Json, pending: Json) -> str:
    host = f" on {row['hostname']}" if row.get("hostname") else ""
    state = f"{row.get('state') or row.get('podStatus') or 'not launched yet'}{host}"
    if row.get("leaving"):
        return f"{state}, is leaving: it takes no new connections, and open ones finish"
    match row.get("verdict"):
        case "applied":
            trouble = "".join(f"; {row[key]}" for key in ("error", "note") if row.get(key))
            change = f" ({_change(row)})" if _change(row) else ""
            return f"{state}, serves configuration {row['version']}{change}{trouble}"
        case "rejected":
            serves = f"goes on with {row['version']}" if row.get("version") else "serves nothing"
            return f"{state}, HAProxy refused configuration {row['rejectedVersion']}, {serves}: {row['error']}"
        case "starting":
            return (
                f"{state}, serves nothing: {row['error']}" if row.get("error") else f"{state}, has no configuration yet"
            )
        case _:
            told = pending.get("summary") or row.get("note") or row.get("message")
            return f"{state}: {told}" if told else state


def _change(row: Json) -> str:
    """How the configuration that is served came to be; nothing when nothing changed."""
    match row.get("action"):
        case "dynamic":
            return f"{row['reason']}, without a reload"
        case "reload":
            return f"reload: {row['reason']}"
        case _:
            return ""


def wait_for_pool(client: ApiClient, name: str, timeout: float) -> None:
    """Return when traffic can flow through the pool as it is stored; Failure when it cannot or the time is over.

    A pool that serves but for a backend without servers is waited for as well, with a warning at once: whoever has to
    start something, or mistyped a name, need not wait for the end to know it.
    """
    warned: set[str] = set()

    def look() -> tuple[bool, Lines]:
        status = client.status(name)
        if status["state"] == DEGRADED:
            for reason in status["reasons"]:
                # What is counted in it changes from look to look.
                if (kind := re.sub(r"\d+", "", reason)) not in warned:
                    if not warned:
                        talk("The pool is stored and goes on by itself: Ctrl-C ends the waiting, and nothing else.")
                    warned.add(kind)
                    talk(f"Warning: {reason}")
        if status["state"] == REJECTED:
            raise Failure(str(status["summary"]), Exit.REJECTED)
        return status["state"] == READY, lines(status)

    _follow(look, timeout, f"pool {name} is not ready")


def wait_for_end(client: ApiClient, name: str, timeout: float) -> None:
    """Return when nothing is left of a deleted pool."""

    def look() -> tuple[bool, Lines]:
        try:
            return False, lines(client.status(name))
        except ApiError as error:
            if error.status == 404:
                return True, {f"pool {name}": "gone: nothing is left"}
            raise

    _follow(look, timeout, f"pool {name} is not gone")


def wait_for_uninstall(client: ApiClient, timeout: float) -> None:
    """Return when nothing is left of the framework."""

    def look() -> tuple[bool, Lines]:
        found = client.uninstall_progress()
        return found["status"] == "COMPLETE", {"uninstall": f"{found['message'] or found['status']}"}

    _follow(look, timeout, "the uninstall is not complete")


def _follow(look: Callable[[], tuple[bool, Lines]], timeout: float, complaint: str) -> None:
    deadline = time.monotonic() + timeout
    shown: Lines = {}
    with _display() as draw:
        while True:
            try:
                done, shown = look()
            except (ApiUnreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500:
                    raise
                # It may be restarting; the pool goes its way meanwhile.
                done, shown = False, {**shown, "API": str(error)}
            draw(shown)
            if done:
                return
            if time.monotonic() >= deadline:
                last = shown.get("API") or next(iter(shown.values()), "nothing is known of it")
                raise Failure(f"{complaint} after {timeout:g} s: {last}", Exit.TIMEOUT)
            time.sleep(_EVERY)


class _Plain:
    """Prints lines that changed, for logs and pipes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Callable[[dict[str, str]], None]:
        return self.draw

    def __exit__(self, *_: object) -> None:
        """Nothing to restore."""

    def draw(self, now: dict[str, str]) -> None:
        for name, text in now.items():
            if self._shown.get(name) != text:
                talk(f"{name}: {text}")
        for name in self._shown.keys() - now.keys():
            if name != "API":
                talk(f"{name}: gone")
        self._shown = dict(now)


class _Live:
    """Keeps the lines in place on a terminal."""

    def __init__(self) -> None:
        # Imported here: rich takes longer to load than most commands run.
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._text = Text
        self._live = Live(console=Console(stderr=True), auto_refresh=False)

    def __enter__(self) -> Callable[[dict[str, str]], None]:
        self._live.start()
        return self.draw

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def draw(self, now: dict[str, str]) -> None:
        self._live.update(self._text("\n".join(f"{name}: {text}" for name, text in now.items())), refresh=True)


def _display() -> _Plain | _Live:
    return _Live() if sys.stderr.isatty() else _Plain()
