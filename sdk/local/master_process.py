"""The embedded master as a process: its command line, its signals, its registry file and its part in an election.

Run with `python -m sdk.local.master`. What it serves is `master`.
"""

import argparse
import asyncio
import json
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from sdk.local import registry as registry_file
from sdk.local.access import read_acls, read_credentials
from sdk.local.clock import SteadyClock
from sdk.local.core import views
from sdk.local.core.model import MasterConfig
from sdk.local.election import Election
from sdk.local.flags import tcp_port
from sdk.local.master import MasterServer
from sdk.local.pages import OWN_DIRECTORY
from sdk.local.registry import RegistryError
from sdk.zookeeper_address import argument


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
    result.add_argument(
        "--zk", type=argument, default=None, help="zk://host:port[,host:port]/path: publish this master there"
    )
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
