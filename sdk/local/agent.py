"""The embedded agent as a process: its command line, its signals, and its claim to a work directory.

Run with `python -m sdk.local.agent --master 127.0.0.1:5050 --work-dir DIR --port 5051 --hostname agent1`. All rules are
in `core`; what stands around them is in `agent_server`. It looks for its master for ever.
"""

import argparse
import asyncio
import base64
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from sdk.local.agent_server import AgentServer
from sdk.local.claim import InUse, lock
from sdk.local.clock import SteadyClock
from sdk.local.core.agent_model import AgentConfig
from sdk.local.core.wire import Json
from sdk.local.flags import attributes, domain, master_address, networks, resources, tcp_port
from sdk.local.isolation import Impossible


def new_uuid() -> str:
    """Base64 of 16 random bytes, as a status update wants it."""
    return base64.b64encode(uuid.uuid4().bytes).decode()


def parser() -> argparse.ArgumentParser:
    """The command line; names are those of mesos-agent where it has them."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.agent", description="An agent of the embedded Mesos, for development and tests."
    )
    result.add_argument("--master", type=master_address, required=True, help="host:port or zk://host:port/path")
    result.add_argument("--ip", default="127.0.0.1")
    result.add_argument("--port", type=tcp_port, default=5051)
    result.add_argument("--hostname", default="127.0.0.1")
    result.add_argument("--work-dir", type=Path, required=True, help="keeps sandboxes and checkpoints")
    result.add_argument(
        "--resources",
        default="cpus:4;mem:8192;disk:20000;ports:[31000-32000]",
        help="name:value;... with name(role) for a static reservation",
    )
    result.add_argument(
        "--http-credentials", type=Path, default=None, metavar="FILE", help="principals and secrets: require them"
    )
    result.add_argument("--attributes", default="", help="name:value;...")
    result.add_argument(
        "--domain",
        default=None,
        metavar="JSON",
        help='such as {"fault_domain":{"region":{"name":"r1"},"zone":{"name":"z1"}}}',
    )
    result.add_argument(
        "--networks",
        default=None,
        metavar="JSON",
        help="networks of containers and their addresses, with the namespace in which each is: "
        '{"dcos":["10.9.0.2@/run/netns/one"]}',
    )
    result.add_argument("--recovery-timeout", type=float, default=900.0, metavar="SECONDS")
    result.add_argument("--no-switch-user", action="store_true", help="run everything as the agent's own user")
    result.add_argument(
        "--isolation",
        default="posix/cpu,posix/mem",
        help="posix/mem reports memory, cgroups/mem lets the kernel limit it, watch/mem ends whoever is seen with more",
    )
    result.add_argument("--cgroups-root", default="mesos", help="name of the group below which containers get theirs")
    result.add_argument("--container-memory-watch-interval", type=float, default=0.5, metavar="SECONDS")
    result.add_argument("--fetcher-stall-timeout", type=float, default=60.0, metavar="SECONDS")
    result.add_argument("--fetcher-cache-size", type=int, default=2 * 1024**3, metavar="BYTES")
    result.add_argument(
        "--enforce-container-disk-quota", action="store_true", help="end executors whose sandboxes outgrow their disk"
    )
    result.add_argument("--container-disk-watch-interval", type=float, default=15.0, metavar="SECONDS")
    defaults = {
        "executor-registration-timeout": 60.0,
        "executor-reregistration-timeout": 15.0,
        "executor-shutdown-grace-period": 5.0,
    }
    for name, value in defaults.items():
        result.add_argument(f"--{name}", type=float, default=value, metavar="SECONDS")
    return result


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT (executors go on), or SIGUSR1 (they end, and the agent's id with them)."""
    info: Json = {
        "hostname": options.hostname,
        "ip": options.ip,
        "port": options.port,
        "resources": resources(options.resources),
    }
    if options.attributes:
        info["attributes"] = attributes(options.attributes)
    if options.domain is not None:
        info["domain"] = domain(options.domain)
    config = AgentConfig(
        info=info,
        new_uuid=new_uuid,
        new_container_id=lambda: str(uuid.uuid4()),
        networks={} if options.networks is None else networks(options.networks),
        executor_registration_timeout=options.executor_registration_timeout,
        executor_reregistration_timeout=options.executor_reregistration_timeout,
        executor_shutdown_grace_period=options.executor_shutdown_grace_period,
    )
    server = AgentServer(options, config, SteadyClock())
    loop = asyncio.get_running_loop()
    farewells: list[asyncio.Task[None]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ended.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: farewells.append(loop.create_task(server.unregister())))
    await server.start()
    follower = asyncio.create_task(server.follow_master())
    ended = asyncio.create_task(server.ended.wait())
    done, _ = await asyncio.wait({follower, ended}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    options = parser().parse_args(argv)
    options.work_dir = options.work_dir.absolute()
    options.work_dir.mkdir(parents=True, exist_ok=True)
    (options.work_dir / "log").touch()
    try:
        held = lock(options.work_dir)
    except InUse as error:
        sys.stderr.write(f"agent: {error}\n")
        return 1
    try:
        asyncio.run(run(options))
    except Impossible as error:
        sys.stderr.write(f"agent: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"agent: cannot serve on {options.ip}:{options.port}: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"agent: {error}\n")
        return 2
    finally:
        os.close(held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
