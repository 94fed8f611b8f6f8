"""What a scheduler process is started with."""

import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from sdk import zookeeper_address
from sdk.errors import InvalidSpec
from sdk.http.address import is_loopback, split_address
from sdk.mesos.access import Access
from sdk.mesos.endpoint import parse_list

# As messages name it; the API and the listener have the same setting.
ALLOW_UNAUTHENTICATED = "--allow-unauthenticated (EDGELB_ALLOW_UNAUTHENTICATED=1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """Settings of `edgelb run scheduler`; the table in docs/reference/settings.md explains each."""

    zk: str
    zk_root: str
    mesos: str
    frameworks: Path
    names: tuple[str, ...] = ()
    """Which of the file's frameworks to run; all when empty."""
    listen: str = "127.0.0.1:8090"
    advertise: str | None = None
    replace_after: float = 60.0
    replacements_at_once: int = 5
    secret: str | None = field(default=None, repr=False)
    """What changes over HTTP have to show; None: one is made up and stands beside the leader's address in ZooKeeper."""
    access_file: Path | None = None
    """Who else may read or change something over HTTP; with it nobody else may read."""
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    """Whose certificates of clients are believed."""
    allow_unauthenticated: bool = False
    access: Access = field(default_factory=Access)
    """To Mesos."""

    def check(self) -> None:
        """Raise InvalidSpec with the option's name for what can never work."""
        split_address(self.listen)
        if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", self.zk_root):
            raise InvalidSpec("zk-root", f"{self.zk_root!r} must be an absolute ZooKeeper path such as /edgelb")
        if self.advertise is not None and not re.fullmatch(r"https?://[^/\s]+(/[^\s]*)?", self.advertise):
            raise InvalidSpec("advertise", f"{self.advertise!r} must be a URL such as http://host:8090")
        if self.replace_after < 0:
            raise InvalidSpec("replace-after", "must not be negative")
        if (self.certificate is None) != (self.key is None):
            raise InvalidSpec("scheduler-certificate", "--scheduler-certificate and --scheduler-key belong together")
        if self.client_ca is not None and self.certificate is None:
            raise InvalidSpec("scheduler-client-ca", "without --scheduler-certificate no client shows one of its own")
        if self.replacements_at_once < 1:
            raise InvalidSpec("replacements-at-once", "must be 1 or more, or nothing could ever be replaced")

    def mesos_is_here(self) -> bool:
        """Whether masters, or the ZooKeeper that knows them, are on this machine, so that agents may be, too."""
        if self.mesos.startswith(("zk://", "zoo://")):
            return all(is_loopback(server) for server in zookeeper_address.parse(self.mesos, "mesos").servers)
        return all(is_loopback(f"[{master.host}]:{master.port}") for master in parse_list(self.mesos))

    def advertised(self, port: int) -> str:
        """Base URL under which others reach this process, without a slash at the end; `port` is the bound one."""
        if self.advertise is not None:
            return self.advertise.rstrip("/")
        host, _ = split_address(self.listen)
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def default_frameworks() -> Path:
    """frameworks.json as it is packaged, or as it stands at the top of a source tree."""
    packaged = Path(__file__).parent / "frameworks.json"
    return packaged if packaged.exists() else Path(__file__).parents[1] / "frameworks.json"
