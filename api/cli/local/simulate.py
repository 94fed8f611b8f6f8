"""`edgelb local --simulated-agents N --simulated-tasks N`: a master with agents and tasks as values, for load tests.

Knows what to say and the limits of the options; what runs is the SDK's.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import click

from api.cli.local.layout import Layout
from api.cli.local.progress import Progress
from api.cli.output import data, talk
from sdk.errors import EnvironmentProblem

DEFAULT_AGENTS, DEFAULT_TASKS, MAX_PER_AGENT = 1000, 50_000, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options ask for; None is not given."""

    agents: int | None
    tasks: int | None
    events_per_second: float
    seed: int
    base_port: int
    """Where the ports of a stack would begin: its master has the same port here."""


def simulate(wanted: Wanted) -> None:
    """Serve until Ctrl-C."""
    # aiohttp is an extra: without it everything but this works.
    try:
        from sdk.local.simulated.executors import Life
        from sdk.local.simulated.memory import leave
        from sdk.local.simulated.process import problem, serve
        from sdk.local.simulated.simulation import Settings
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(f"{error.name} is missing: install edge-lb with the extra `local`") from error
    agents = DEFAULT_AGENTS if wanted.agents is None else wanted.agents
    settings = Settings(
        agents=agents,
        tasks=min(DEFAULT_TASKS, MAX_PER_AGENT * agents) if wanted.tasks is None else wanted.tasks,
        events_per_second=wanted.events_per_second,
        seed=wanted.seed,
        life=Life(),
    )
    wrong = problem(settings)
    if wrong is not None:
        raise click.UsageError(wrong)
    port = Layout(directory=Path(), base_port=wanted.base_port).master
    url = f"http://127.0.0.1:{port}"
    begun = time.monotonic()
    data(f"Starting a Mesos master with {settings.agents:,} simulated agents and {settings.tasks:,} tasks ...")

    progress = Progress(url, settings.tasks, talk)

    def filled() -> None:
        progress.stop()
        data(f"All tasks run after {time.monotonic() - begun:.1f} s.\n")
        data(f"  Mesos  {url}/")
        if settings.events_per_second:
            data(f"  {settings.events_per_second:g} events per second change them.")
        data(f"\nNext, in another shell: EDGELB_MESOS=127.0.0.1:{port} edgelb run listener")
        data("Ctrl-C ends it.")

    with progress:
        asyncio.run(serve(settings, port, filled))
    data("Ended.")
    leave(0)
