"""What stands between a master and everybody it talks to when faults are on demand.

Knows the faults' values and in which order things leave. Without faults all goes straight through.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from aiohttp import web

from sdk.local.core.outputs import ToAgent, ToOperator, ToScheduler
from sdk.local.core.pieces import Encoded, encode
from sdk.local.core.wire import Json
from sdk.local.delay_line import DelayLine
from sdk.local.fault_values import MasterFaults
from sdk.local.web import EventStream, Handler


class Peer(Protocol):
    """Who reads a stream of the master: a connection, or somebody in this process, who cannot be cut."""

    @property
    def waiting(self) -> int:
        """How many records it has not taken yet."""

    def send(self, event: Json | Encoded) -> None:
        """Take one event or message."""

    def close(self) -> None:
        """Nothing more comes."""


class Gate:
    """Of one master. `framework_of` tells whose stream it is, by its name."""

    def __init__(self, framework_of: Callable[[str], str | None]) -> None:
        self.faults = MasterFaults()
        self._framework_of = framework_of
        # Frameworks and operators; agents wait only while the master is silent.
        self._clients = DelayLine()
        self._agents = DelayLine()
        self._arrivals = DelayLine()
        self._silence: asyncio.TimerHandle | None = None
        self._encoded: tuple[Json, Encoded] | None = None

    @property
    def silence(self) -> float:
        """Seconds for which the master still says nothing."""
        return self._agents.held

    def changed(self, names: frozenset[str]) -> None:
        """These values were set."""
        lines = (self._arrivals, self._agents, self._clients)
        if "silent" in names:
            self._fall_silent(lines)
        if "slow" in names:
            self._clients.delay = self.faults.slow
        if not self.faults.slow and not self.faults.silent:
            for line in lines:
                line.flush()

    def _fall_silent(self, lines: Iterable[DelayLine]) -> None:
        for line in lines:
            line.hold(self.faults.silent)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if self.faults.silent:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(self.faults.silent, self._speak)

    def _speak(self) -> None:
        self.faults.silent = 0

    async def arrive(self) -> None:
        """Return when a request may be looked at."""
        if not self._arrivals.idle:
            await self._arrivals.passed()

    async def answer(self) -> None:
        """Return when the answer to a request of a framework or an operator may go."""
        if not self._clients.idle:
            await self._clients.passed()

    def slowed(self, handler: Handler) -> Handler:
        """The handler of requests that only look at something."""

        async def late(request: web.Request) -> web.StreamResponse:
            await self.arrive()
            await self.answer()
            return await handler(request)

        return late

    def send(self, peer: Peer, output: ToScheduler | ToOperator | ToAgent) -> None:
        """Write an event to a stream: whole, in half, later or never."""
        if isinstance(peer, EventStream) and peer.is_cut:
            return
        content: Json | Encoded
        match output:
            case ToScheduler(stream=name, event=event):
                framework = self._framework_of(name) if self.faults.framework_id else None
                if self.faults.drops(event, framework):
                    return
                line, cut, content = self._clients, self.faults.cuts_scheduler(framework), event
            case ToOperator(event=event):
                line, cut, content = self._clients, self.faults.cuts_operator(), self._once(event)
            case ToAgent(message=event):
                line, cut, content = self._agents, self.faults.cuts_agent(), event
        if cut and isinstance(peer, EventStream):
            # What comes before the delayed cut is done is not written either.
            peer.is_cut = True
            line.put(partial(peer.cut, event))
        elif line.idle:
            peer.send(content)
        else:
            line.put(partial(peer.send, content))

    def _once(self, event: Json) -> Json | Encoded:
        """An event for operators, who all get the same: encoded once for all of them. A snapshot is for one alone."""
        if event["type"] == "SUBSCRIBED":
            return event
        if self._encoded is None or self._encoded[0] is not event:
            self._encoded = (event, Encoded(encode(event)))
        return self._encoded[1]

    def close(self, peer: Peer, *, agent: bool) -> None:
        """End a stream after what was written to it."""
        (self._agents if agent else self._clients).put(peer.close)
