"""A simulated cluster as a process: the master's HTTP server, with a process for the simulation beside it.

Knows ports, signals and the command line; what is simulated is `simulation`, how it reaches the master `crowd`.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from sdk.errors import EnvironmentProblem, SdkError
from sdk.local.clock import SteadyClock
from sdk.local.core.model import MasterConfig
from sdk.local.flags import tcp_port
from sdk.local.master import MasterServer
from sdk.local.simulated import memory
from sdk.local.simulated.contents import SERVICES
from sdk.local.simulated.crowd import Crowd
from sdk.local.simulated.endpoint import ENDPOINT, endpoint
from sdk.local.simulated.executors import Life
from sdk.local.simulated.simulation import Settings

MAX_AGENTS = 10_000
MAX_TASKS = 200_000
MAX_EVENTS = 10_000
READY = "ready"
"""The line on stdout once all tasks run."""


def problem(settings: Settings) -> str | None:
    """What is wrong with the wanted size, as a sentence; None when it can be tried."""
    for name, value, least, most in (
        ("agents", settings.agents, 1, MAX_AGENTS),
        ("tasks", settings.tasks, 1, MAX_TASKS),
        ("events per second", settings.events_per_second, 0, MAX_EVENTS),
        ("services", settings.services, 1, MAX_TASKS),
    ):
        if not least <= value <= most:
            return f"{value:,} simulated {name}: choose between {least:,} and {most:,}"
    if settings.tasks > 1000 * settings.agents:
        return f"{settings.tasks:,} tasks on {settings.agents:,} agents: choose at most 1,000 per agent"
    return None


async def serve(settings: Settings, port: int, filled: Callable[[], None]) -> None:
    """Serve the master's APIs on a port of the loopback interface until SIGINT or SIGTERM.

    `filled` is called once all tasks run. Raises EnvironmentProblem when the port is taken.
    """
    crowd: Crowd | None = None

    async def on_demand(request: web.Request) -> web.StreamResponse:
        assert crowd is not None, "nobody is served before it is there"
        return await endpoint(request, crowd.ask)

    with tempfile.TemporaryDirectory(prefix="simulated-mesos-") as directory:
        clock = SteadyClock()
        config = MasterConfig(master_id=str(uuid.UUID(int=settings.seed + 1)), port=port)
        # A thousand agents come within a second: nobody wants to read that.
        server = MasterServer(config, Path(directory), clock, say=lambda _: None, more={ENDPOINT: on_demand})

        def settled() -> None:
            memory.settle()
            filled()

        crowd = Crowd(server, settings, settled)
        try:
            await server.start()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise EnvironmentProblem(f"cannot serve on 127.0.0.1:{port}: {why}; choose another port") from error

        memory.filling()
        work = asyncio.create_task(crowd.run())
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        waiting = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, waiting):
                task.cancel()
            with contextlib.suppress(SdkError):
                await asyncio.gather(work, waiting, return_exceptions=True)
            await server.stop()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.simulated", description="A master with simulated agents and tasks, for load tests."
    )
    result.add_argument("--port", type=tcp_port, default=5050)
    result.add_argument("--agents", type=int, default=1000)
    result.add_argument("--tasks", type=int, default=50_000)
    result.add_argument("--events-per-second", type=float, default=0.0)
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--services", type=int, default=SERVICES, help="names that the tasks share")
    result.add_argument("--start-delay", type=float, default=0.1, metavar="SECONDS", help="TASK_STARTING to RUNNING")
    result.add_argument("--task-life", type=float, default=None, metavar="SECONDS", help="TASK_RUNNING to FINISHED")
    result.add_argument("--kill-delay", type=float, default=0.0, metavar="SECONDS", help="kill to TASK_KILLED")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    options = parser().parse_args(argv)
    settings = Settings(
        agents=options.agents,
        tasks=options.tasks,
        events_per_second=options.events_per_second,
        seed=options.seed,
        services=options.services,
        life=Life(start=options.start_delay, run=options.task_life, kill=options.kill_delay),
    )
    wrong = problem(settings)
    if wrong is not None:
        sys.stderr.write(f"simulated: {wrong}\n")
        return 2

    def ready() -> None:
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()

    try:
        asyncio.run(serve(settings, options.port, ready))
    except EnvironmentProblem as error:
        sys.stderr.write(f"simulated: {error}\n")
        return 1
    memory.leave(0)
