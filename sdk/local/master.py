"""The embedded master as a process: HTTP around `core.Master`, a registry file, and its place in ZooKeeper.

Run with `python -m sdk.local.master --port 5050 --work-dir DIR`. All rules are in `core`; here are sockets, timers and
files. Agents connect with POST /internal/agent, whose long answer carries the master's messages (RecordIO, like the
public streams); what they have to say comes in POSTs to /internal/agent/messages with the id of that connection.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from aiohttp import web

from sdk.local.atomic import write_atomically
from sdk.local.clock import SteadyClock
from sdk.local.core import views
from sdk.local.core.endpoints import PREFIX, Endpoints
from sdk.local.core.http import Refusal, encode
from sdk.local.core.leadership import Leadership
from sdk.local.core.master import Master
from sdk.local.core.model import MasterConfig
from sdk.local.core.outputs import Answer, CloseAgent, CloseScheduler, Output, Persist, ToAgent, ToOperator, ToScheduler
from sdk.local.core.pieces import Encoded, is_large, pieces
from sdk.local.core.wire import Json
from sdk.local.election import Election
from sdk.local.files import Files
from sdk.local.large import gathered, respond
from sdk.local.web import EventStream, Handler, Refused, Server, json_body, only_post, received, reply, text

CONNECTION_HEADER = "Agent-Connection"


class Peer(Protocol):
    """Who reads a stream of the master: a connection, or somebody in this process."""

    def send(self, event: Json | Encoded) -> None:
        """Take one event or message."""

    def close(self) -> None:
        """Nothing more comes."""


class Held:
    """A stream whose first event is large and not encoded yet: what comes after it waits."""

    def __init__(self, first: Json) -> None:
        self.first = first
        self.later: list[Json | Encoded] = []
        self.closed = False

    def send(self, event: Json | Encoded) -> None:
        """Keep it."""
        self.later.append(event)

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True


_PAGE = Path(__file__).with_name("page.html")


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
    ) -> None:
        self._clock = clock
        self._config = config
        self._credentials = credentials
        self._registry_file = registry or work_dir / "registry.json"
        self._address = f"{config.hostname}:{config.port}"
        self._leadership = Leadership(leader=self._address if elected else None, mine=elected)
        self._streams: dict[str, Peer] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._encoded: tuple[Json, Encoded] | None = None
        self._due: float | None = None
        """What the timer waits for."""
        self._files = Files(lambda: {"/master/log": work_dir / "log"})
        self._new_term()
        files = {name: self._checked(handler, name) for name, handler in self._files.endpoints().items()}
        own: dict[str, Handler] = {
            "/": self._page,
            "/internal/agent": self._agent,
            "/internal/agent/messages": self._agent_messages,
        }
        self._server = Server(own | files, PREFIX, fallback=self._serve)

    def _new_term(self) -> None:
        """Start from what the registry keeps; all that only this process knew is forgotten."""
        registry = json.loads(self._registry_file.read_bytes()) if self._registry_file.exists() else None
        self.master = Master(self._config, now=self._clock.now(), registry=registry)
        self._endpoints = Endpoints(
            self.master,
            leadership=lambda: self._leadership,
            credentials=self._credentials,
            machine=machine,
            files=self._files.call,
        )

    def lead(self) -> None:
        """This master was elected. Harmless while it leads already."""
        if self._leadership.mine:
            return
        self._new_term()
        self._leadership = Leadership(leader=self._address, mine=True)
        self._arm()

    def follow(self, leader: str | None) -> None:
        """Another master leads, or none: whoever is connected here has to go there."""
        if self._leadership.mine:
            for stream in self._streams.values():
                stream.close()
            self._new_term()
        self._leadership = Leadership(leader=leader, mine=False)

    async def start(self) -> None:
        """Listen on the configured address."""
        config = self.master.state.config
        await self._server.start(config.ip, config.port)
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
        for name, message in messages:
            outputs += self.master.agent_message(name, message, now=self._clock.now())
        self._perform(outputs)

    def scheduler_call(self, call: Json, *, stream: str | None, new_stream: str = "") -> Answer:
        """One call of a scheduler, as on /api/v1/scheduler."""
        answer = self.master.call(call, stream=stream, now=self._clock.now(), new_stream=new_stream)
        self._perform(answer.outputs)
        return answer

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[Output]) -> None:
        # What several messages caused is kept at once: the last registry is right for all of them.
        registry = next((item.registry for item in reversed(outputs) if isinstance(item, Persist)), None)
        if registry is not None:
            write_atomically(self._registry_file, encode(registry))
        for output in outputs:
            match output:
                case ToScheduler(stream=name, event=event):
                    if name in self._streams:
                        self._streams[name].send(event)
                case ToOperator(stream=name, event=event):
                    if name in self._streams:
                        self._to_operator(name, event)
                case ToAgent(connection=name, message=message):
                    if name in self._streams:
                        self._streams[name].send(message)
                case CloseScheduler(stream=name) | CloseAgent(connection=name):
                    if name in self._streams:
                        self._streams[name].close()
                case Persist():
                    pass
        self._arm()

    def _to_operator(self, name: str, event: Json) -> None:
        if event["type"] == "SUBSCRIBED" and is_large(event):
            self._streams[name] = Held(event)
            return
        # All subscribers get the same event object: it is encoded once.
        if self._encoded is None or self._encoded[0] is not event:
            self._encoded = (event, Encoded(encode(event)))
        self._streams[name].send(self._encoded[1])

    def _arm(self) -> None:
        due = self.master.next_tick() if self._leadership.mine else None
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            delay = max(0.0, due - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._due = None
        self._perform(self.master.tick(now=self._clock.now()))

    # --- endpoints ------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if request.path not in ("/", "/master", "/master/"):
            return await self._serve(request)
        return web.Response(body=_PAGE.read_bytes(), content_type="text/html", charset="utf-8")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = str(uuid.uuid4())
        stream = EventStream()
        # Registered before the call: its first events are among the outputs.
        self._streams[name] = stream
        try:
            result = self._endpoints.handle(await received(request), now=self._clock.now(), new_stream=name)
            self._perform(result.outputs)
            if result.pieces is not None:
                return await respond(request, result)
            if result.stream is None:
                return reply(result)
            if isinstance(self._streams[name], Held):
                return await stream.run(request, result.headers, first=await self._snapshot(name, stream))
            return await stream.run(request, result.headers)
        finally:
            del self._streams[name]
            # For a name that no framework and no operator listens on both do nothing.
            self._perform(self.master.scheduler_disconnected(name, now=self._clock.now()))
            self.master.operator_disconnected(name)

    async def _snapshot(self, name: str, stream: EventStream) -> list[bytes]:
        """The large first record of a stream, encoded while others are served; what came meanwhile comes after it."""
        held = self._streams[name]
        assert isinstance(held, Held)
        parts = await gathered(pieces(held.first))
        self._streams[name] = stream
        for event in held.later:
            stream.send(event)
        if held.closed:
            stream.close()
        return [b"%d\n" % sum(len(part) for part in parts), *parts]

    def _checked(self, handler: Handler, endpoint: str) -> Handler:
        """The handler behind the check of credentials."""

        async def checked(request: web.Request) -> web.StreamResponse:
            try:
                self._endpoints.check(await received(request), endpoint)
            except Refusal as refused:
                return reply(refused.reply)
            return await handler(request)

        return checked

    def _leading(self) -> None:
        """Refuse agents while another master leads."""
        if not self._leadership.mine:
            raise Refused(text(503, f"The leading master is {self._leadership.leader}: register there"))

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
        self._leading()
        message = await json_body(request)
        name = str(uuid.uuid4())
        stream = EventStream()
        self._streams[name] = stream
        self._perform(self.master.agent_message(name, message, now=self._clock.now()))
        try:
            return await stream.run(request, {CONNECTION_HEADER: name})
        finally:
            del self._streams[name]
            self._perform(self.master.agent_disconnected(name, now=self._clock.now()))

    async def _agent_messages(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
        messages = await json_body(request)
        name = request.headers.get(CONNECTION_HEADER, "")
        if name not in self._streams:
            raise Refused(text(409, f"There is no connection '{name}' of an agent (any more): register again"))
        self.from_agents((name, message) for message in messages)
        return text(202)


def machine() -> Json:
    """Load and memory of this computer."""
    one, five, fifteen = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "avg_load_15min": fifteen,
        "avg_load_1min": one,
        "avg_load_5min": five,
        "cpus_total": os.cpu_count() or 1,
        "mem_free_bytes": page * os.sysconf("SC_AVPHYS_PAGES"),
        "mem_total_bytes": page * os.sysconf("SC_PHYS_PAGES"),
    }


def read_credentials(path: Path) -> dict[str, str]:
    """Principals and secrets from a file in the real master's format: JSON, or lines of `principal secret`."""
    content = path.read_text()
    if content.lstrip().startswith("{"):
        return {item["principal"]: item["secret"] for item in json.loads(content)["credentials"]}
    pairs = [line.split() for line in content.splitlines() if line.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"--credentials: every line of {path} must be a principal and a secret with a space between")
    return {pair[0]: pair[1] for pair in pairs}


def parser() -> argparse.ArgumentParser:
    """The command line; names are those of mesos-master where it has them."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.master", description="The master of the embedded Mesos, for development and tests."
    )
    result.add_argument("--ip", default="127.0.0.1")
    result.add_argument("--port", type=int, default=5050)
    result.add_argument("--hostname", default="127.0.0.1")
    result.add_argument("--cluster", default=None, help="name shown in the web UI")
    result.add_argument("--work-dir", type=Path, required=True, help="keeps the registry of agents and frameworks")
    result.add_argument("--zk", default=None, help="zk://host:port[,host:port]/path: publish this master there")
    result.add_argument("--registry-file", type=Path, help="shared by masters that may replace each other")
    result.add_argument("--credentials", type=Path, default=None, help="file of principals and secrets: require them")
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
    """Serve until SIGTERM or SIGINT."""
    options.work_dir.mkdir(parents=True, exist_ok=True)
    (options.work_dir / "log").touch()
    config = MasterConfig(
        master_id=str(uuid.uuid4()),
        hostname=options.hostname,
        ip=options.ip,
        port=options.port,
        cluster=options.cluster,
        domain=options.domain,
        authenticate=options.credentials is not None,
        log_dir=str(options.work_dir),
        allocation_interval=options.allocation_interval,
        heartbeat_interval=options.heartbeat_interval,
        agent_ping_timeout=options.agent_ping_timeout,
        max_agent_ping_timeouts=options.max_agent_ping_timeouts,
        agent_reregister_timeout=options.agent_reregister_timeout,
    )
    credentials = read_credentials(options.credentials) if options.credentials else None
    server = MasterServer(
        config,
        options.work_dir,
        SteadyClock(),
        registry=options.registry_file,
        credentials=credentials,
        elected=not options.zk,
    )
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
        election.start()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()
    if election is not None:
        election.stop()
    await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    options = parser().parse_args(argv)
    try:
        asyncio.run(run(options))
    except OSError as error:
        sys.stderr.write(f"master: cannot serve on {options.ip}:{options.port}: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"master: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
