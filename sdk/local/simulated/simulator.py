"""The process of the simulation: its agents and frameworks, with a link to the master that started it.

Run by `crowd` as `python -m sdk.local.simulated.simulator FD SETTINGS`: the descriptor of the link's socket, and the
settings as JSON. It ends when the link does, so it never outlives its master.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict

from sdk.errors import EnvironmentProblem
from sdk.local.clock import SteadyClock
from sdk.local.simulated import memory
from sdk.local.simulated.executors import Life
from sdk.local.simulated.link import Sender, Uplink, frames
from sdk.local.simulated.simulation import Settings, Simulation


def arguments(settings: Settings) -> str:
    """The settings as an argument of the command line."""
    return json.dumps(asdict(settings))


def settings_of(argument: str) -> Settings:
    """The settings of such an argument."""
    content = json.loads(argument)
    return Settings(**content | {"life": Life(**content["life"])})


async def _simulate(end: socket.socket, settings: Settings) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=end)
    master = Uplink(Sender(writer))
    simulation = Simulation(master, SteadyClock(), settings)

    def filled() -> None:
        memory.settle()
        master.filled()

    async def run() -> None:
        try:
            await simulation.run(filled)
        except EnvironmentProblem as error:
            master.failed(str(error))

    async def listen() -> None:
        async for frame in frames(reader):
            for name, message in frame:
                simulation.receive(name, message)

    work, listening = asyncio.create_task(run()), asyncio.create_task(listen())
    await asyncio.wait({work, listening}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
        # What was said last still gets there.
        writer.close()
        await writer.wait_closed()


def main(argv: Sequence[str]) -> None:
    """The process."""
    descriptor, settings = argv
    memory.filling()
    asyncio.run(_simulate(socket.socket(fileno=int(descriptor)), settings_of(settings)))
    memory.leave(0)


if __name__ == "__main__":
    main(sys.argv[1:])
