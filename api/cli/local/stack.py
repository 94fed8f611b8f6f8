"""A whole system on loopback: ZooKeeper, embedded Mesos, `edgelb serve` and a sample application, each a real process.

Knows what to start, with which ports and settings, and how to tell that it is up. Does not know about terminals; used
by `edgelb local up`, by the tests of the whole stack and by benchmarks.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import urllib3

from api.cli.child_output import Output, Persistent
from api.cli.local import disk, ports
from api.cli.local.layout import PORTS_PER_AGENT, Layout
from api.cli.supervisor import Child, Supervisor
from sdk import programs
from sdk.errors import EnvironmentProblem
from sdk.local.cluster import Cluster, Process, Timing, standard_agents
from sdk.local.zookeeper import JAR as ZOOKEEPER_JAR
from sdk.local.zookeeper import ZooKeeperServer
from sdk.retry import Policy

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What tests turn down to get to the point sooner; the defaults are those of `bin/up`."""

    replace_after: float = 60.0
    tell_every: float = 10.0
    """Seconds between two sentences about what is waited for."""
    timing: Timing = field(default_factory=Timing)
    application_count: int = 2
    application_frameworks: Path = EXAMPLES / "frameworks.json"
    """Frameworks file whose `webapp` is the sample application."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of `edgelb serve`."""
    agent_flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """More flags of the embedded agents, by their names."""
    popen: Callable[..., Process] = subprocess.Popen
    """Starts the processes of the embedded Mesos."""


_CHANGE = 30.0
"""Seconds that a change may take: HAProxy is asked about the first pool by a process that has to be started for it."""


class Stack:
    """Starts and stops the processes of one local system."""

    def __init__(self, layout: Layout, output: Output, options: Options | None = None) -> None:
        self.layout = layout
        self.options = options or Options()
        self._zookeeper = ZooKeeperServer(layout.directory / "zookeeper", layout.zookeeper)
        self._heard = Persistent(output)
        self.cluster = Cluster(
            layout.directory / "mesos",
            layout.master,
            [
                replace(agent, flags=self.options.agent_flags.get(agent.name, ()))
                for agent in standard_agents(layout.offers_base, ports_each=PORTS_PER_AGENT)
            ],
            timing=self.options.timing,
            zk=f"zk://{self._zookeeper.address}/mesos" if layout.masters > 1 else None,
            masters=layout.masters,
            restart=True,
            tell=lambda sentence: self._heard.told("mesos", sentence),
            popen=self.options.popen,
        )
        # A development stack heals quickly; a minute of backoff would only confuse the one who watches.
        self.supervisor = Supervisor([], self._heard, restarts=Policy(first=0.4, most=5.0))
        self._http = urllib3.PoolManager(retries=False, timeout=5.0)

    # Addresses

    @property
    def api(self) -> str:
        """Base URL of the API server."""
        return f"http://127.0.0.1:{self.layout.api}"

    @property
    def mesos(self) -> str:
        """Base URL of the Mesos master."""
        return f"http://127.0.0.1:{self.layout.master}"

    @property
    def scheduler(self) -> str:
        """Base URL of the Edge-LB scheduler."""
        return f"http://127.0.0.1:{self.layout.scheduler}"

    @property
    def application(self) -> str:
        """Base URL of the sample application's framework."""
        return f"http://127.0.0.1:{self.layout.application}"

    @property
    def zookeeper(self) -> str:
        """`host:port` of ZooKeeper."""
        return self._zookeeper.address

    # Life

    def check_programs(self) -> None:
        """Raise EnvironmentProblem when something that the stack runs is not installed, and say how to get it."""
        packages = {"haproxy": "haproxy", "java": "default-jre-headless", "openssl": "openssl", "setpriv": "util-linux"}
        missing = [f"{package} (for {name})" for name, package in packages.items() if programs.find(name) is None]
        if not ZOOKEEPER_JAR.exists():
            missing.append(f"zookeeper (for {ZOOKEEPER_JAR})")
        if missing:
            raise EnvironmentProblem(f"missing system packages: {', '.join(missing)}; install them, or run bin/up")
        if importlib.util.find_spec("aiohttp") is None:
            raise EnvironmentProblem(
                "the Python package aiohttp is missing, which the embedded Mesos needs: "
                f"{sys.executable} -m pip install 'edge-lb[local]'"
            )

    def check_ports(self) -> None:
        """Raise EnvironmentProblem when a port that we need has a listener, and say who it is."""
        ports.check(self.layout)

    def start(self) -> None:
        """Start everything; returns once ZooKeeper and Mesos answer, the rest comes up meanwhile."""
        self.layout.directory.mkdir(parents=True, exist_ok=True)
        self.supervisor.add(Child(name="zookeeper", command=tuple(self._zookeeper.command())))
        # Several masters find each other only when ZooKeeper is up.
        self.cluster.start()
        self.await_true(self._zookeeper.answers, 30, "ZooKeeper")
        self.supervisor.add(Child(name="edgelb", command=_edgelb("serve"), environment=self.environment()))
        self.supervisor.add(
            Child(
                name="application",
                command=_edgelb("run", "scheduler", "--name", "webapp"),
                environment={
                    **self.environment(),
                    "EDGELB_FRAMEWORKS": str(self.options.application_frameworks),
                    "EDGELB_SCHEDULER_LISTEN": f"127.0.0.1:{self.layout.application}",
                    "EDGELB_SCHEDULER_ADVERTISE": self.application,
                },
            )
        )

    def stop(self) -> None:
        """End every process that this stack started, in an order in which none complains about the others."""
        self.supervisor.end("application")
        self.supervisor.end("edgelb")
        self.cluster.stop()
        self.supervisor.stop()

    def environment(self) -> dict[str, str]:
        """The settings of every process of this stack, as environment variables."""
        return {
            "EDGELB_ZK": self.zookeeper,
            "EDGELB_MESOS": self.cluster.zk or f"127.0.0.1:{self.layout.master}",
            "EDGELB_API": self.api,
            "EDGELB_API_LISTEN": f"127.0.0.1:{self.layout.api}",
            "EDGELB_SCHEDULER_LISTEN": f"127.0.0.1:{self.layout.scheduler}",
            "EDGELB_SCHEDULER_ADVERTISE": self.scheduler,
            "EDGELB_LISTENER_LISTEN": f"127.0.0.1:{self.layout.listener}",
            "EDGELB_LISTENER_HEALTH_LISTEN": f"127.0.0.1:{self.layout.listener_health}",
            "EDGELB_TEMPLATE_HEALTH_LISTEN": f"127.0.0.1:{self.layout.template_health}",
            "EDGELB_LISTENER": f"127.0.0.1:{self.layout.listener}",
            "EDGELB_REPLACE_AFTER": f"{self.options.replace_after:g}",
            "EDGELB_SECRET_DIRECTORY": str(self.layout.directory / "secrets"),
            # Who tries out how a certificate is renewed does not want to wait half a minute.
            "EDGELB_SECRET_REFRESH": "2",
            "EDGELB_LOG_FORMAT": "text",
            "PYTHONUNBUFFERED": "1",
            **self.options.environment,
        }

    # Looking and waiting

    def get(self, url: str) -> Any:
        """GET a JSON document; anything but 200 is an EnvironmentProblem with the body's sentence."""
        return self.call("GET", url)

    def call(self, method: str, url: str, body: object | None = None) -> Any:
        """Send a request with an optional JSON body; the JSON answer, or None when it is empty."""
        more: dict[str, Any] = {} if body is None else {"json": body, "timeout": _CHANGE}
        try:
            answer = self._http.request(method, url, **more)
        except urllib3.exceptions.HTTPError as error:
            raise EnvironmentProblem(f"{method} {url}: {error}") from error
        if answer.status >= 300:
            raise EnvironmentProblem(
                f"{method} {url}: HTTP {answer.status}: {answer.data.decode(errors='replace')[:500]}"
            )
        return json.loads(answer.data) if answer.data else None

    def fetch(self, url: str) -> tuple[int, str]:
        """GET any document: status and text. Every call uses a fresh connection, so that balancing shows."""
        answer = self._http.request("GET", url, headers={"Connection": "close"})
        return answer.status, answer.data.decode(errors="replace")

    def endpoints(self, pool: str) -> tuple[dict[str, list[str]], list[str]]:
        """URLs of a pool: by frontend name, and of its statistics pages."""
        metadata = self.get(f"{self.api}/v2/pools/{pool}/metadata")

        def urls(entries: list[dict[str, Any]], path: str) -> list[str]:
            return sorted(f"http://{entry['private'][0]}:{entry['port']}{path}" for entry in entries)

        frontends = {one["name"]: urls(one["endpoints"], "/") for one in metadata["frontends"]}
        return frontends, urls(metadata["stats"], "/haproxy?stats")

    def await_true(self, predicate: Callable[[], object], timeout: float, what: str) -> None:
        """Poll until `predicate` is true; EnvironmentProblems mean "not yet" and are told at the deadline.

        What takes long is told meanwhile: nobody looks at a silent screen for a minute.
        """
        began = time.monotonic()
        deadline = began + timeout
        told = 0
        problem = ""
        while True:
            try:
                if predicate():
                    return
            except (EnvironmentProblem, urllib3.exceptions.HTTPError) as error:
                problem = f": {error}"
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"{what} was not there within {timeout:g} s{problem}; see {self.layout.directory}"
                    f"{disk.trouble(self.layout.directory)}"
                )
            if time.monotonic() - began > (told + 1) * self.options.tell_every:
                told += 1
                self._heard.told("up", f"has waited {told * self.options.tell_every:g} s for {what}{problem}")
            time.sleep(0.05)


def _edgelb(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "api.cli.main", *arguments)
