"""An agent's connection to its master: looked for for ever, one long answer with messages, requests with what the agent
has to say, and the faults on the way.

Knows the wire; which master leads is `leader`'s, what messages mean is the core's. A new connection starts with nothing
to send: the core then says again what is unacknowledged.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from sdk.local.core.wire import Json
from sdk.local.delay_line import DelayLine
from sdk.local.fault_values import AgentFaults
from sdk.local.http_errors import plain
from sdk.local.leader import Leader
from sdk.local.web import encode

CONNECTION_HEADER = "Agent-Connection"
_RETRY_MIN, _RETRY_MAX = 0.1, 1.0
# The master pings every 15 s by default; five silent intervals and the connection is taken for dead.
_SILENCE = 90.0


class MasterLink:
    """Of one agent. `register` gives the first message of a connection, `hear` takes each of the master's, `lost` is
    called when there is no connection any more, or again none.
    """

    def __init__(
        self,
        master: str,
        faults: AgentFaults,
        *,
        register: Callable[[], Json],
        hear: Callable[[Any], object],
        lost: Callable[[], object],
        say: Callable[[str], object],
    ) -> None:
        self._master = master
        self._faults = faults
        self._register = register
        self._hear = hear
        self._lost = lost
        self._say = say
        self._trouble = ""
        self._connected = False
        self.hostname = ""
        """Of the master that was last found."""
        self._waiting: list[Json] = []
        self._have_messages = asyncio.Event()
        self._late = DelayLine()
        self._connection = 0
        self._was_partitioned = False
        self._healed = asyncio.Event()
        self._closing = False

    # --- what is to be said ---------------------------------------------------------------------------------------

    def send(self, message: Json) -> None:
        """Send a message as the faults let it pass: now, late or never."""
        if not self._faults.to_master(message):
            return
        if message["type"] == "UPDATE":
            connection = self._connection
            self._late.put(lambda: self._queue(message, connection))
        else:
            self.send_now(message)

    def send_now(self, message: Json) -> None:
        """Send a message whatever the faults are."""
        self._queue(message, self._connection)

    def _queue(self, message: Json, connection: int) -> None:
        # What is late belongs to the connection it was sent on; a new one starts with all that is unacknowledged.
        if connection == self._connection:
            self._waiting.append(message)
            self._have_messages.set()

    @property
    def idle(self) -> bool:
        """Whether the master has taken everything."""
        return not self._waiting

    def faults_changed(self) -> None:
        """Some of the faults have new values."""
        if self._faults.delay_updates:
            self._late.delay = self._faults.delay_updates
        else:
            self._late.flush()
        if self._faults.partition:
            # Neither what is under way nor what is still to be sent gets through.
            self._healed.clear()
            self._waiting.clear()
            self._late.drop()
        elif self._was_partitioned:
            self._healed.set()
        self._was_partitioned = self._faults.partition

    # --- the connection -------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Register, listen, and register again when the connection is lost; until `close`."""
        delay = _RETRY_MIN
        timeout = ClientTimeout(total=None, sock_connect=5.0, sock_read=_SILENCE)
        connector = TCPConnector(limit=0, force_close=False)
        async with ClientSession(connector=connector, timeout=timeout) as session, Leader(self._master) as leader:
            while not self._closing:
                if self._faults.partition:
                    await self._healed.wait()
                self._connected = False
                address = ""
                try:
                    address = await leader.address()
                    ended = await self._connect(session, address, leader)
                    delay = _RETRY_MIN
                    self._tell_trouble(f"{ended}; connecting again")
                except (ClientError, OSError, TimeoutError, ValueError) as error:
                    # No master, a master that is starting, or a broken stream: the same cure.
                    trouble = "lost" if self._connected else "cannot reach"
                    where = f"{trouble} the master at {address}: " if address else ""
                    self._tell_trouble(f"{where}{plain(error)}; trying again every {_RETRY_MAX:g} s")
                self._lost()
                # What was tried in vain says nothing about a master that leads since.
                moved = await leader.changed(delay)
                delay = _RETRY_MIN if moved else min(delay * 2, _RETRY_MAX)

    def _tell_trouble(self, sentence: str) -> None:
        """Say it once, not ten times a second."""
        if sentence != self._trouble and not self._closing:
            self._trouble = sentence
            self._say(sentence)

    def close(self) -> None:
        """Make no new connection; one that is there goes on until it ends."""
        self._closing = True

    async def _connect(self, session: ClientSession, address: str, leader: Leader) -> str:
        """Be connected with a master; returns why no more, as a sentence."""
        self.hostname = address.rpartition(":")[0]
        self._waiting.clear()
        self._connection += 1
        self._healed.clear()
        async with session.post(
            f"http://{address}/internal/agent",
            data=encode(self._register()),
            headers={"Content-Type": "application/json"},
        ) as response:
            if response.status != 200:
                raise ValueError(f"it answered {response.status}")
            name = response.headers.get(CONNECTION_HEADER)
            if name is None:
                raise ValueError(f"it is no master of an embedded Mesos: its answer has no {CONNECTION_HEADER}")
            self._trouble = ""
            self._connected = True
            self._say(f"connected to the master at {address}")
            sender = asyncio.create_task(self._send_messages(session, address, name))
            reader = asyncio.create_task(self._read_messages(response.content))
            healed = asyncio.create_task(self._healed.wait())
            # One that lost its leadership ends, but one that hangs keeps its connections open for long.
            moved = asyncio.create_task(leader.changed())
            tasks = (sender, reader, healed, moved)
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if moved in done:
                return f"the master at {address} leads no more"
            if healed in done:
                return f"the way to the master at {address} is open again"
            return f"the master at {address} ended the connection"

    async def _read_messages(self, stream: "asyncio.StreamReader | object") -> None:
        readline = stream.readline  # type: ignore[union-attr]
        readexactly = stream.readexactly  # type: ignore[union-attr]
        while line := await readline():
            try:
                message = json.loads(await readexactly(int(line)))
            except asyncio.IncompleteReadError:
                return
            arrived = self._faults.from_master(message) if isinstance(message, dict) else message
            if arrived is not None:
                self._hear(arrived)

    async def _send_messages(self, session: ClientSession, address: str, name: str) -> None:
        """Everything for the master in order, in as few requests as it takes."""
        while True:
            await self._have_messages.wait()
            self._have_messages.clear()
            while self._waiting:
                batch = list(self._waiting)
                async with session.post(
                    f"http://{address}/internal/agent/messages",
                    data=encode(batch),
                    headers={"Content-Type": "application/json", CONNECTION_HEADER: name},
                    timeout=ClientTimeout(total=30.0),
                ) as response:
                    if response.status != 202:
                        raise ValueError(f"it answered {response.status}")
                del self._waiting[: len(batch)]
