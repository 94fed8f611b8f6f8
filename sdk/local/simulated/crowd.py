"""The master's side of a simulation: starts its process, hands what it says to the master, and ends it.

Knows the process, the link and the master's server. What agents and frameworks say is for the master to understand.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdk.errors import EnvironmentProblem
from sdk.local.core.wire import Json
from sdk.local.master import MasterServer
from sdk.local.simulated.link import REQUESTS, Far, Sender, frames
from sdk.local.simulated.simulation import Settings
from sdk.local.simulated.simulator import arguments

_ROOT = Path(__file__).resolve().parents[3]
_TURN = 0.003
"""Seconds after which others get their turn."""
_SOME = 5
"""Items between two looks at the clock."""
_END = 5.0
"""Seconds for its process to end by itself."""


class Crowd:
    """All agents and frameworks of a simulation, as one process beside the master's."""

    def __init__(self, master: MasterServer, settings: Settings, filled: Callable[[], None]) -> None:
        """`filled` is called once all its tasks run."""
        self._master = master
        self._settings = settings
        self._filled = filled
        self._known: set[str] = set()
        self._turn = 0.0
        """When this turn began."""
        self._sender: Sender | None = None
        self._asked = 0
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._done: dict[str, float] = {}
        """When what a request asked for was handed to the master, by the monotonic clock."""
        self._failure: str | None = None

    async def run(self) -> None:
        """Start it and serve it until it ends, which it does not by itself: raises EnvironmentProblem then."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = ("-m", "sdk.local.simulated.simulator", str(theirs.fileno()), arguments(self._settings))
            # In a session of its own: Ctrl-C is for the master's process, whose end ends this one.
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=_ROOT, pass_fds=(theirs.fileno(),), start_new_session=True
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._sender = sender = Sender(writer)
        try:
            async for frame in frames(reader):
                await self._take(sender, frame)
        finally:
            self._sender = None
            writer.close()
            status = await _ended(process)
        raise EnvironmentProblem(self._failure or f"the process of the simulated agents ended: {status}")

    async def ask(self, content: Json, timeout: float) -> tuple[Json, float]:
        """A request for tasks on demand: its answer, and when the events that it asked for were on their way to those
        who follow the operator stream, by the monotonic clock. TimeoutError when it is not answered in time.
        """
        if self._sender is None:
            raise TimeoutError
        self._asked += 1
        name = str(self._asked)
        self._answers[name] = answer = asyncio.get_running_loop().create_future()
        self._sender.put([REQUESTS, {"request": name, "content": content}])
        try:
            return await asyncio.wait_for(answer, timeout), self._done.get(name, 0.0)
        except TimeoutError:
            self._sender.put([REQUESTS, {"request": name, "content": None}])
            raise
        finally:
            self._done.pop(name, None)
            del self._answers[name]

    async def _take(self, sender: Sender, frame: Sequence[Any]) -> None:
        """Hand a frame to the master, with turns for others between: the next frame may be here already."""
        for start in range(0, len(frame), _SOME):
            if time.monotonic() - self._turn > _TURN:
                await asyncio.sleep(0)
                self._turn = time.monotonic()
            # Messages of agents that come in a row are one input: what they change in the registry is written once.
            messages: list[tuple[str, Json]] = []
            for kind, name, content in frame[start : start + _SOME]:
                if kind == "agent":
                    self._attach(sender, name)
                    messages.append((name, content))
                    continue
                self._from_agents(messages)
                if kind == "framework":
                    known = name in self._known
                    self._attach(sender, name)
                    self._master.scheduler_call(content, stream=name if known else None, new_stream=name)
                elif kind == "gone":
                    self._known.discard(name)
                    self._master.detach(name)
                elif kind == "filled":
                    self._filled()
                elif kind == "done":
                    self._done[name] = time.monotonic()
                elif kind == "answered":
                    if name in self._answers and not self._answers[name].done():
                        self._answers[name].set_result(content)
                else:
                    self._failure = content
            self._from_agents(messages)

    def _from_agents(self, messages: list[tuple[str, Json]]) -> None:
        if messages:
            self._master.from_agents(messages)
            messages.clear()

    def _attach(self, sender: Sender, name: str) -> None:
        if name not in self._known:
            self._known.add(name)
            self._master.attach(name, Far(sender, name))


async def _ended(process: asyncio.subprocess.Process) -> str:
    """How the process ended: by itself, now that its link is gone, or because it had to be killed."""
    try:
        status = await asyncio.wait_for(process.wait(), _END)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        status = await process.wait()
    return f"exit {status}" if status >= 0 else signal.Signals(-status).name
