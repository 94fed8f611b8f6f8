"""The embedded master around its core: HTTP around `core.Master`, a registry file, and whether it leads.

Run with `python -m sdk.local.master --port 5050 --work-dir DIR`; the command line is in `master_process`. All rules are
in `core`; here are sockets, timers and files. Agents connect with POST /internal/agent, whose long answer carries the
master's messages (RecordIO, like the public streams); what they have to say comes in POSTs to /internal/agent/messages
with the id of that connection.
"""

import asyncio
import contextlib
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from sdk.local import log
from sdk.local import registry as registry_file
from sdk.local.clock import SteadyClock
from sdk.local.core import agent_reports
from sdk.local.core.endpoints import PREFIX, Endpoints
from sdk.local.core.http import Refusal, encode, only, plain
from sdk.local.core.leadership import Leadership
from sdk.local.core.master import Master
from sdk.local.core.metrics import Measured
from sdk.local.core.model import MasterConfig
from sdk.local.core.outputs import (
    Answer,
    CloseAgent,
    CloseOperator,
    CloseScheduler,
    Note,
    Output,
    Persist,
    ToAgent,
    ToOperator,
    ToScheduler,
)
from sdk.local.core.wire import BadMessage, Json
from sdk.local.election import Election
from sdk.local.files import Files
from sdk.local.machine import machine
from sdk.local.master_fault_endpoints import FaultEndpoints, known_agents
from sdk.local.master_faults import Gate, Peer
from sdk.local.pages import Pages
from sdk.local.registry import RegistryError
from sdk.local.web import EventStream, Handler, Server, deliver, json_body, received, text

CONNECTION_HEADER = "Agent-Connection"


class MasterServer:
    """One master: carries out what the core says, and tells it what happens.

    It leads from the start unless `elected` is false: then it waits for `lead` and `follow`.
    """

    def __init__(
        self,
        config: MasterConfig,
        work_dir: Path,
        clock: SteadyClock,
        *,
        registry: Path | None = None,
        credentials: Mapping[str, str] | None = None,
        elected: bool = True,
        webui_dir: Path | None = None,
        say: Callable[[str], object] = log.master,
        more: Mapping[str, Handler] | None = None,
    ) -> None:
        """`more`: endpoints of whoever runs it, by path."""
        self._log = say
        self._clock = clock
        self._config = config
        self._credentials = credentials
        self._registry_file = registry or work_dir / "registry.json"
        self._address = f"{config.hostname}:{config.port}"
        self._leadership = Leadership(leader=self._address if elected else None, mine=elected)
        self._streams: dict[str, Peer] = {}
        self._measured = Measured()
        self._arriving = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        """What the timer waits for."""
        self._pages = Pages(webui_dir)
        self._gate = Gate(self._framework_of)
        self.election: Election | None = None
        """Its part in the election of a leader, once it takes part."""
        self.failure: str | None = None
        """Why it cannot go on: nothing is said any more that the registry does not keep."""
        self.on_failure: Callable[[], object] = lambda: None
        self._files = Files(lambda: {"/master/log": work_dir / "log"})
        self._new_term()
        files = {name: self._checked(handler, name) for name, handler in self._files.endpoints().items()}
        slowed = {name: self._gate.slowed(handler) for name, handler in files.items()}
        own: dict[str, Handler] = {
            "/": self._page,
            "/internal/agent": self._agent,
            "/internal/agent/messages": self._agent_messages,
        }
        faulty = FaultEndpoints(
            self._gate.faults, self._change_faults, self._about, lambda: self.election, credentials
        ).handlers()
        self._server = Server(
            own | faulty | dict(more or {}) | self._pages.endpoints() | slowed, PREFIX, fallback=self._serve
        )

    def _new_term(self) -> None:
        """Start from what the registry keeps; all that only this process knew is forgotten."""
        began = time.perf_counter()
        content, registry = registry_file.read(self._registry_file)
        self._measured.state_fetch_ms = (time.perf_counter() - began) * 1000
        self._measured.registry_bytes = len(content)
        self.master = Master(self._config, now=self._clock.now(), registry=registry)
        self._endpoints = Endpoints(
            self.master,
            leadership=lambda: self._leadership,
            credentials=self._credentials,
            machine=machine,
            files=self._files.call,
            measured=self._measure,
        )

    def lead(self) -> None:
        """This master was elected. Harmless while it leads already."""
        if self._leadership.mine or not self._begin_term():
            return
        self._leadership = Leadership(leader=self._address, mine=True)
        self._log("elected: this master leads")
        self._arm()

    def follow(self, leader: str | None) -> None:
        """Another master leads, or none: whoever is connected here has to go there."""
        if self._leadership.mine:
            for stream in self._streams.values():
                stream.close()
            self._begin_term()
        if leader != self._leadership.leader or self._leadership.mine:
            self._log(f"{leader} leads" if leader is not None else "no master leads")
        self._leadership = Leadership(leader=leader, mine=False)
        # Nothing is due here any more: the registry is the other's to change.
        self._arm()

    def _begin_term(self) -> bool:
        try:
            self._new_term()
        except RegistryError as error:
            self._fail(str(error))
            return False
        return True

    def _fail(self, why: str) -> None:
        """As a real master does without its registry: end, so that another one or a person takes over."""
        self.failure = self.failure or why
        for stream in self._streams.values():
            stream.close()
        self.on_failure()

    async def start(self) -> None:
        """Listen on the configured address."""
        config = self.master.state.config
        await self._server.start(config.ip, config.port)
        self._log(f"serves on {config.ip}:{config.port}")
        self._arm()

    async def stop(self) -> None:
        """End all streams and connections."""
        if self._timer is not None:
            self._timer.cancel()
        await self._server.stop()

    # --- peers in this process ------------------------------------------------------------------------------------

    def attach(self, name: str, peer: Peer) -> None:
        """Events and messages for the stream or connection `name` go to `peer`."""
        self._streams[name] = peer

    def detach(self, name: str) -> None:
        """The peer is gone, as if its connection had ended."""
        if self._streams.pop(name, None) is not None:
            now = self._clock.now()
            self._perform(self.master.scheduler_disconnected(name, now=now))
            self._perform(self.master.agent_disconnected(name, now=now))

    def from_agents(self, messages: Iterable[tuple[str, Json]]) -> None:
        """Messages of agents with the names of their connections, in order."""
        outputs: list[Output] = []
        with self._one_input():
            for name, message in messages:
                outputs += self.master.agent_message(name, message, now=self._clock.now())
        self._perform(outputs)

    def scheduler_call(self, call: Json, *, stream: str | None, new_stream: str = "") -> Answer:
        """One call of a scheduler, as on /api/v1/scheduler."""
        with self._one_input():
            result = self.master.call(call, stream=stream, now=self._clock.now(), new_stream=new_stream)
        self._perform(result.outputs)
        return result

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[Output]) -> None:
        # What several messages caused is kept at once: the last registry is right for all of them.
        registry = next((item.registry for item in reversed(outputs) if isinstance(item, Persist)), None)
        if registry is not None and self.failure is None:
            self._store(encode(registry))
        if self.failure is not None:
            return
        for output in outputs:
            match output:
                case ToScheduler(stream=name) | ToOperator(stream=name) | ToAgent(connection=name):
                    if name in self._streams:
                        self._gate.send(self._streams[name], output)
                case CloseScheduler(stream=name) | CloseOperator(stream=name) | CloseAgent(connection=name):
                    if name in self._streams:
                        self._gate.close(self._streams[name], agent=isinstance(output, CloseAgent))
                case Note(text=sentence):
                    self._log(sentence)
                case Persist():
                    pass
        self._arm()

    def _store(self, registry: bytes) -> None:
        began = time.perf_counter()
        try:
            registry_file.keep(self._registry_file, registry)
        except RegistryError as error:
            self._fail(str(error))
            return
        self._measured.state_store_ms.add((time.perf_counter() - began) * 1000)
        self._measured.registry_bytes = len(registry)

    @contextlib.contextmanager
    def _one_input(self) -> Iterator[None]:
        """Around one input of the core: measures it if an allocation was part of it."""
        state = self.master.state
        runs, began = state.metrics.get("allocation_runs", 0), time.perf_counter()
        yield
        if state.metrics.get("allocation_runs", 0) != runs:
            self._measured.allocation_run_ms.add((time.perf_counter() - began) * 1000)
            self._measured.allocation_run_latency_ms.add(state.allocation_lateness * 1000)

    def _measure(self) -> Measured:
        """All measurements, with what is queued at this moment."""
        self._measured.queued_events = sum(peer.waiting for peer in self._streams.values())
        self._measured.queued_requests = self._arriving
        return self._measured

    def _arm(self) -> None:
        due = self.master.next_tick() if self._leadership.mine else None
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            # A master that says nothing for a while is one whose time stands still.
            delay = max(0.0, due - self._clock.now(), self._gate.silence)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._due = None
        with self._one_input():
            outputs = self.master.tick(now=self._clock.now())
        self._perform(outputs)

    # --- endpoints ------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if request.path not in ("/", "/master", "/master/"):
            return await self._serve(request)
        await self._gate.arrive()
        await self._gate.answer()
        return self._pages.index()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = str(uuid.uuid4())
        stream = EventStream()
        # Registered before the call: its first events are among the outputs.
        self._streams[name] = stream
        try:
            self._arriving += 1
            try:
                asked = await received(request)
            finally:
                self._arriving -= 1
            await self._gate.arrive()
            with self._one_input():
                result = self._endpoints.handle(asked, now=self._clock.now(), new_stream=name)
            self._perform(result.outputs)
            if self.failure is not None:
                raise Refusal(plain(503, self.failure))
            await self._gate.answer()
            if result.stream is None:
                return await deliver(request, result)
            return await stream.run(request, result.headers)
        finally:
            del self._streams[name]
            # For a name that no framework and no operator listens on both do nothing.
            self._perform(self.master.scheduler_disconnected(name, now=self._clock.now()))
            self.master.operator_disconnected(name)

    def _checked(self, handler: Handler, endpoint: str) -> Handler:
        """The handler behind the check of credentials."""

        async def checked(request: web.Request) -> web.StreamResponse:
            self._endpoints.check(await received(request), endpoint)
            return await handler(request)

        return checked

    # --- faults on demand ------------------------------------------------------------------------------------------

    def _framework_of(self, stream: str) -> str | None:
        frameworks = self.master.state.frameworks.values()
        return next((item.framework_id for item in frameworks if item.stream == stream), None)

    def _change_faults(self, names: frozenset[str]) -> None:
        self._gate.changed(names)
        # A silence that began or ended moves what is due.
        self._due = None
        self._arm()

    def _about(self) -> Json:
        leadership = self._leadership
        return {
            "leads": leadership.mine,
            "leader": leadership.leader,
            "agents": known_agents(self.master.state) if leadership.mine else [],
            "unreachable_after": self._config.agent_ping_timeout * self._config.max_agent_ping_timeouts,
        }

    # --- agents ---------------------------------------------------------------------------------------------------

    def _leading(self) -> None:
        """Refuse agents while another master leads."""
        if not self._leadership.mine:
            raise Refusal(plain(503, f"The leading master is {self._leadership.leader}: register there"))

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        await self._gate.arrive()
        only(request.method, "POST")
        self._leading()
        message = _checked_message(await json_body(request), agent_reports.FIRST)
        name = str(uuid.uuid4())
        stream = EventStream()
        self._streams[name] = stream
        with self._one_input():
            outputs = self.master.agent_message(name, message, now=self._clock.now())
        self._perform(outputs)
        try:
            return await stream.run(request, {CONNECTION_HEADER: name})
        finally:
            del self._streams[name]
            self._perform(self.master.agent_disconnected(name, now=self._clock.now()))

    async def _agent_messages(self, request: web.Request) -> web.StreamResponse:
        await self._gate.arrive()
        only(request.method, "POST")
        messages = await json_body(request)
        if not isinstance(messages, list):
            raise Refusal(plain(400, "Expecting a list of messages of an agent"))
        # All of them or none: an agent that is refused sends nothing twice.
        messages = [_checked_message(message, agent_reports.LATER) for message in messages]
        name = request.headers.get(CONNECTION_HEADER, "")
        if name not in self._streams:
            raise Refusal(plain(409, f"There is no connection '{name}' of an agent (any more): register again"))
        self.from_agents((name, message) for message in messages)
        return text(202)


def _checked_message(message: object, types: frozenset[str]) -> Json:
    try:
        return agent_reports.check(message, types)
    except BadMessage as error:
        raise Refusal(plain(400, f"Not a message of an agent: {error}")) from None


if __name__ == "__main__":
    from sdk.local.master_process import main

    sys.exit(main())
