"""The embedded master as a process: HTTP around `core.Master`, a registry file, and its place in ZooKeeper.

Run with `python -m sdk.local.master --port 5050 --work-dir DIR`. All rules are in `core`; here are sockets, timers and
files. Agents connect with POST /internal/agent, whose long answer carries the master's messages (RecordIO, like the
public streams); what they have to say comes in POSTs to /internal/agent/messages with the id of that connection.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from sdk.local import log
from sdk.local import registry as registry_file
from sdk.local.access import read_acls, read_credentials
from sdk.local.clock import SteadyClock
from sdk.local.core import agent_reports, views
from sdk.local.core.authentication import principal, realm
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
from sdk.local.fault_endpoint import PATH as FAULTS
from sdk.local.fault_endpoint import fault_endpoint
from sdk.local.files import Files
from sdk.local.flags import tcp_port
from sdk.local.machine import machine
from sdk.local.master_faults import Gate, Peer, known_agents
from sdk.local.pages import OWN_DIRECTORY, Pages
from sdk.local.registry import RegistryError
from sdk.local.web import EventStream, Handler, Server, answer, deliver, json_body, received, text

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
    ) -> None:
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
            FAULTS: self._known(self._change_faults),
            f"{FAULTS}/about": self._known(self._about),
            f"{FAULTS}/expire-session": self._known(self._expire_session),
        }
        self._server = Server(own | self._pages.endpoints() | slowed, PREFIX, fallback=self._serve)

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

    # --- faults on demand: no part of Mesos' API, and never slow themselves ---------------------------------------

    def _known(self, handler: Handler) -> Handler:
        """The handler behind the check of credentials alone: a master that does not lead has faults as well."""

        async def checked(request: web.Request) -> web.StreamResponse:
            principal(await received(request), realm(FAULTS), self._credentials)
            return await handler(request)

        return checked

    def _framework_of(self, stream: str) -> str | None:
        frameworks = self.master.state.frameworks.values()
        return next((item.framework_id for item in frameworks if item.stream == stream), None)

    async def _change_faults(self, request: web.Request) -> web.StreamResponse:
        response = await fault_endpoint(request, self._gate.faults, self._gate.changed)
        # A silence that began or ended moves what is due.
        self._due = None
        self._arm()
        return response

    async def _about(self, request: web.Request) -> web.StreamResponse:
        """Who leads, the agents of the leader, and after how many seconds of silence an agent is unreachable."""
        leadership = self._leadership
        return await answer(
            request,
            {
                "pid": os.getpid(),
                "leads": leadership.mine,
                "leader": leadership.leader,
                "agents": known_agents(self.master.state) if leadership.mine else [],
                "unreachable_after": self._config.agent_ping_timeout * self._config.max_agent_ping_timeouts,
            },
        )

    async def _expire_session(self, request: web.Request) -> web.StreamResponse:
        only(request.method, "POST")
        if self.election is None:
            return text(409, "This master has no ZooKeeper session: it was started without --zk")
        try:
            return await answer(request, await asyncio.to_thread(self.election.expire))
        except OSError as error:
            return text(503, str(error))

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


def parser() -> argparse.ArgumentParser:
    """The command line; names are those of mesos-master where it has them."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.master", description="The master of the embedded Mesos, for development and tests."
    )
    result.add_argument("--ip", default="127.0.0.1")
    result.add_argument("--port", type=tcp_port, default=5050)
    result.add_argument("--hostname", default="127.0.0.1")
    result.add_argument("--cluster", default=None, help="name shown in the web UI")
    result.add_argument("--work-dir", type=Path, required=True, help="keeps the registry of agents and frameworks")
    result.add_argument("--zk", default=None, help="zk://host:port[,host:port]/path: publish this master there")
    result.add_argument("--registry-file", type=Path, help="shared by masters that may replace each other")
    result.add_argument("--credentials", type=Path, default=None, help="file of principals and secrets: require them")
    result.add_argument("--acls", type=Path, default=None, metavar="FILE", help="who may do what, in JSON")
    result.add_argument("--webui-dir", type=Path, default=None, metavar="DIR", help="a web UI of Mesos to serve")
    result.add_argument("--quorum", type=int, default=None, help="only shown: the registry is one file")
    result.add_argument("--domain", type=json.loads, default=None, metavar="JSON", help="DomainInfo of this master")
    result.add_argument("--zk-session-timeout", type=float, default=10.0, metavar="SECONDS")
    defaults = MasterConfig(master_id="")
    for name in ("allocation_interval", "heartbeat_interval", "agent_ping_timeout", "agent_reregister_timeout"):
        result.add_argument(
            f"--{name.replace('_', '-')}", type=float, default=getattr(defaults, name), metavar="SECONDS"
        )
    result.add_argument("--max-agent-ping-timeouts", type=int, default=defaults.max_agent_ping_timeouts)
    return result


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, or until the registry cannot be kept."""
    config = MasterConfig(
        master_id=str(uuid.uuid4()),
        hostname=options.hostname,
        ip=options.ip,
        port=options.port,
        cluster=options.cluster,
        domain=options.domain,
        authenticate=options.credentials is not None,
        acls=read_acls(options.acls) if options.acls else None,
        log_dir=str(options.work_dir),
        webui_dir=str(options.webui_dir or OWN_DIRECTORY),
        zk=options.zk,
        zk_session_timeout=options.zk_session_timeout,
        quorum=options.quorum,
        allocation_interval=options.allocation_interval,
        heartbeat_interval=options.heartbeat_interval,
        agent_ping_timeout=options.agent_ping_timeout,
        max_agent_ping_timeouts=options.max_agent_ping_timeouts,
        agent_reregister_timeout=options.agent_reregister_timeout,
    )
    credentials = read_credentials(options.credentials, "--credentials") if options.credentials else None
    server = MasterServer(
        config,
        options.work_dir,
        SteadyClock(),
        registry=options.registry_file,
        credentials=credentials,
        elected=not options.zk,
        webui_dir=options.webui_dir,
    )
    end = asyncio.Event()
    server.on_failure = end.set
    await server.start()
    election = None
    if options.zk:
        loop = asyncio.get_running_loop()
        election = Election(
            options.zk,
            views.master_info(server.master.state),
            timeout=options.zk_session_timeout,
            lead=lambda: loop.call_soon_threadsafe(server.lead),
            follow=lambda leader: loop.call_soon_threadsafe(server.follow, leader),
        )
        server.election = election
        election.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()
    if election is not None:
        election.stop()
    await server.stop()
    if server.failure is not None:
        raise RegistryError(server.failure)


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    options = parser().parse_args(argv)
    kept = options.registry_file or options.work_dir / "registry.json"
    try:
        options.work_dir.mkdir(parents=True, exist_ok=True)
        (options.work_dir / "log").touch()
    except OSError as error:
        sys.stderr.write(f"master: --work-dir {options.work_dir}: {error.strerror}\n")
        return 1
    try:
        with registry_file.locked(kept, together=options.zk is not None):
            asyncio.run(run(options))
    except RegistryError as error:
        sys.stderr.write(f"master: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"master: cannot serve on {options.ip}:{options.port}: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"master: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
