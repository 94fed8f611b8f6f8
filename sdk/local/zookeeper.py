"""One ZooKeeper server from Debian's jars as a child process, for development and tests.

Knows how to configure, start, await and stop it. Does not know what is stored in it.
"""

import socket
import subprocess
import time
from pathlib import Path

from sdk.errors import EnvironmentProblem

JAR = Path("/usr/share/java/zookeeper.jar")
# Without a binding of slf4j ZooKeeper says nothing, not even why it ends. This one comes with Debian's package.
_LOGGING = JAR.with_name("slf4j-simple.jar")
_SIMPLE_LOGGER = {
    "defaultLogLevel": "warn",
    "showDateTime": "true",
    "dateTimeFormat": "yyyy-MM-dd HH:mm:ss",
    "showThreadName": "false",
    "showShortLogName": "true",
}
_MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain"


class ZooKeeperServer:
    """A standalone server on loopback; its data survive `kill` and the next `start`."""

    def __init__(self, directory: Path, port: int, *, tick_ms: int = 500, host: str = "127.0.0.1") -> None:
        self.directory = directory
        self.port = port
        self.host = host
        self._tick_ms = tick_ms
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port` of the client port."""
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def command(self) -> list[str]:
        """Write the configuration and return the command line that runs the server in the foreground."""
        if not JAR.exists():
            raise EnvironmentProblem(f"{JAR} is missing: install Debian's package 'zookeeper' and a JRE, or run bin/up")
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        config = self.directory / "zoo.cfg"
        config.write_text(
            f"dataDir={data}\nclientPort={self.port}\nclientPortAddress={self.host}\ntickTime={self._tick_ms}\n"
            # Sessions may be as short as two ticks; a long upper bound lets debuggers stop a client.
            f"maxSessionTimeout=60000\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=ruok,srvr,wchs,mntr\n"
            "autopurge.purgeInterval=1\nautopurge.snapRetainCount=3\n"
        )
        return [
            "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            # Its counters are a file in /tmp/hsperfdata_<user>, which stays.
            "-XX:-UsePerfData",
            "-Dzookeeper.extendedTypesEnabled=true", "-Dzookeeper.forceSync=no",
            *(f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in _SIMPLE_LOGGER.items()),
            "-cp", f"{self.directory}:{JAR}:{_LOGGING}", _MAIN, str(config),
        ]  # fmt: skip

    def start(self, timeout: float = 20.0) -> None:
        """Start the server and return once it answers `ruok`."""
        command = self.command()
        with (self.directory / "zookeeper.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self._process.poll() is not None:
                raise EnvironmentProblem(f"ZooKeeper ended at once; see {self.directory / 'zookeeper.log'}")
            if time.monotonic() > deadline:
                self.stop()
                raise EnvironmentProblem(f"ZooKeeper did not answer on {self.address} within {timeout:g} s")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether the server says `imok`."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b"ruok")
                return connection.recv(16) == b"imok"
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL, as a crash; the data directory stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM and wait; SIGKILL after five seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
