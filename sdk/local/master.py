"""The embedded master as a process: HTTP around `core.Master`, a registry file, and its place in ZooKeeper.

Run with `python -m sdk.local.master --port 5050 --work-dir DIR`. All rules are in `core`; here are sockets, timers and
files. Agents connect with POST /internal/agent, whose long answer carries the master's messages (RecordIO, like the
public streams); what they have to say comes in POSTs to /internal/agent/messages with the id of that connection.
"""

import argparse
import asyncio
import json
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from sdk.local.atomic import write_atomically
from sdk.local.clock import SteadyClock
from sdk.local.core import classic, views
from sdk.local.core.master import Master
from sdk.local.core.model import MasterConfig
from sdk.local.core.outputs import (
    Answer,
    CloseAgent,
    CloseScheduler,
    Output,
    Persist,
    ToAgent,
    ToOperator,
    ToScheduler,
)
from sdk.local.files import Files
from sdk.local.web import EventStream, Handler, Refused, Server, answer, encode, json_body, only_post, text

CONNECTION_HEADER = "Agent-Connection"
_PAGE = Path(__file__).with_name("page.html")


class MasterServer:
    """One master: carries out what the core says, and tells it what happens."""

    def __init__(self, config: MasterConfig, work_dir: Path, clock: SteadyClock) -> None:
        self._clock = clock
        self._registry_file = work_dir / "registry.json"
        registry = json.loads(self._registry_file.read_bytes()) if self._registry_file.exists() else None
        self.master = Master(config, now=clock.now(), registry=registry)
        self._streams: dict[str, EventStream] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._server = Server(self._endpoints(Files(lambda: {"/master/log": work_dir / "log"})), "/master")

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

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case ToScheduler(stream=name, event=event) | ToOperator(stream=name, event=event):
                    if name in self._streams:
                        self._streams[name].send(event)
                case ToAgent(connection=name, message=message):
                    if name in self._streams:
                        self._streams[name].send(message)
                case CloseScheduler(stream=name) | CloseAgent(connection=name):
                    if name in self._streams:
                        self._streams[name].close()
                case Persist(registry=registry):
                    write_atomically(self._registry_file, encode(registry))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self.master.next_tick()
        if due is not None:
            delay = max(0.0, due - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._perform(self.master.tick(now=self._clock.now()))

    # --- endpoints ------------------------------------------------------------------------------------------------

    def _endpoints(self, files: Files) -> dict[str, Handler]:
        state = self.master.state
        return {
            "/": self._page,
            "/api/v1/scheduler": self._scheduler,
            "/api/v1": self._operator,
            "/internal/agent": self._agent,
            "/internal/agent/messages": self._agent_messages,
            "/health": self._empty,
            "/redirect": self._redirect,
            "/version": self._get(lambda _: classic.BUILD),
            "/flags": self._get(lambda _: {"flags": classic.flags(state)}),
            "/state": self._get(lambda _: classic.full_state(state)),
            "/state-summary": self._get(lambda _: classic.summary(state)),
            "/slaves": self._get(lambda _: classic.slaves(state, full=True)),
            "/frameworks": self._get(lambda _: classic.frameworks(state) | {"unregistered_frameworks": []}),
            "/tasks": self._tasks,
            "/roles": self._get(lambda _: classic.roles(state)),
            "/maintenance/schedule": self._get(lambda _: {}),
            "/maintenance/status": self._get(lambda _: {}),
            "/quota": self._get(lambda _: {}),
            "/weights": self._get(lambda _: []),
            "/metrics/snapshot": self._get(lambda _: classic.metrics(state, self._clock.now())),
            "/teardown": self._teardown,
            **files.endpoints(),
        }

    def _get(self, make: "object") -> Handler:
        assert callable(make)

        async def handler(request: web.Request) -> web.StreamResponse:
            return answer(request, make(request))

        return handler

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if request.path not in ("/", "/master", "/master/"):
            return text(404, "404 Not Found.")
        return web.Response(body=_PAGE.read_bytes(), content_type="text/html", charset="utf-8")

    async def _empty(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=200)

    async def _redirect(self, _request: web.Request) -> web.StreamResponse:
        config = self.master.state.config
        return web.Response(status=307, headers={"Location": f"//{config.hostname}:{config.port}"})

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        try:
            limit = int(request.query.get("limit", "100"))
            offset = int(request.query.get("offset", "0"))
        except ValueError:
            return text(400, "Failed to parse the query: 'limit' and 'offset' must be numbers.\n")
        newest_first = request.query.get("order", "des") != "asc"
        found = classic.tasks(self.master.state, limit=limit, offset=offset, newest_first=newest_first)
        return answer(request, found)

    async def _teardown(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
        form = await request.post()
        framework_id = form.get("frameworkId")
        if not isinstance(framework_id, str):
            return text(400, "Missing 'frameworkId' query parameter")
        return self._reply(self.master.teardown(framework_id, now=self._clock.now()))

    def _reply(self, result: Answer) -> web.Response:
        self._perform(result.outputs)
        if result.body is not None:
            return web.Response(status=result.status, body=encode(result.body), content_type="application/json")
        return text(result.status, result.text)

    async def _scheduler(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
        call = await json_body(request)
        name = str(uuid.uuid4())
        subscribing = isinstance(call, dict) and call.get("type") == "SUBSCRIBE"
        stream = EventStream()
        if subscribing:
            # Registered before the call: its first events are among the outputs.
            self._streams[name] = stream
        result = self.master.call(
            call, stream=request.headers.get("Mesos-Stream-Id"), now=self._clock.now(), new_stream=name
        )
        if not subscribing or result.status != 200:
            self._streams.pop(name, None)
            return self._reply(result)
        self._perform(result.outputs)
        try:
            return await stream.run(request, {"Mesos-Stream-Id": name})
        finally:
            del self._streams[name]
            self._perform(self.master.scheduler_disconnected(name, now=self._clock.now()))

    async def _operator(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
        call = await json_body(request)
        if not isinstance(call, dict) or call.get("type") != "SUBSCRIBE":
            return self._reply(self.master.operator_call(call, now=self._clock.now()))
        name = str(uuid.uuid4())
        stream = EventStream()
        self._streams[name] = stream
        self._perform(self.master.operator_subscribe(name, now=self._clock.now()))
        try:
            return await stream.run(request, {})
        finally:
            del self._streams[name]
            self.master.operator_disconnected(name)

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        only_post(request)
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
        for message in messages:
            self._perform(self.master.agent_message(name, message, now=self._clock.now()))
        return text(202)


class Publication:
    """The master's node in ZooKeeper, by which schedulers and agents find it. A lost session publishes anew."""

    def __init__(self, url: str, info: bytes) -> None:
        from kazoo.client import KazooClient

        hosts, _, path = url.removeprefix("zk://").partition("/")
        self._path = f"/{path}"
        self._info = info
        self._client = KazooClient(hosts=hosts.rpartition("@")[2], timeout=6.0)
        self._published = False

    def start(self) -> None:
        """Connect in the background and publish whenever there is a session without our node."""
        from kazoo.client import KazooState

        def listener(state: str) -> None:
            if state == KazooState.LOST:
                self._published = False
            elif state == KazooState.CONNECTED and not self._published:
                self._published = True
                self._client.handler.spawn(self._publish)

        self._client.add_listener(listener)
        self._client.start_async()

    def _publish(self) -> None:
        self._client.retry(
            self._client.create, f"{self._path}/json.info_", self._info, ephemeral=True, sequence=True, makepath=True
        )

    def stop(self) -> None:
        """Take the node away at once."""
        self._client.stop()
        self._client.close()


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
        allocation_interval=options.allocation_interval,
        heartbeat_interval=options.heartbeat_interval,
        agent_ping_timeout=options.agent_ping_timeout,
        max_agent_ping_timeouts=options.max_agent_ping_timeouts,
        agent_reregister_timeout=options.agent_reregister_timeout,
    )
    server = MasterServer(config, options.work_dir, SteadyClock())
    await server.start()
    publication = None
    if options.zk:
        # Real masters print the keys of this node in alphabetical order.
        info = json.dumps(views.master_info(server.master.state), sort_keys=True, separators=(",", ":"))
        publication = Publication(options.zk, info.encode())
        publication.start()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()
    if publication is not None:
        publication.stop()
    await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    options = parser().parse_args(argv)
    try:
        asyncio.run(run(options))
    except OSError as error:
        sys.stderr.write(f"master: cannot serve on {options.ip}:{options.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
