"""What `edgelb doctor` looks at: this machine (machine_checks.py), and the services around. Checks change nothing."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from api.cli.finding import FAIL, OK, WARN, Finding
from api.cli.machine_checks import check_disk, check_ports, check_programs, check_python
from api.cli.secret_checks import check_authority, check_secrets
from api.client.client import ApiClient
from api.client.errors import ApiError, ApiUnreachable
from api.client.transport import without_secrets
from api.observed.liveness import Liveness
from api.status.doubts import Seen, doubts
from sdk.clock import SystemClock
from sdk.errors import SdkError, Unauthorized
from sdk.mesos.access import Access
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.schema import SCHEMA
from sdk.zookeeper_address import parse

_TIMEOUT = 3.0
_ANSWER = 5.0
_ELECTED = 8.0
"""Seconds until the leader that stands in ZooKeeper is known: a session has to begin first."""
_BEATS = 12.0
"""Seconds in which a template process that works beats; it does so every 3 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What to look at."""

    zk: str
    zk_root: str
    mesos: str
    api: str
    framework: str
    listen: tuple[str, ...]
    directory: Path
    """Where logs and state are written: the stack's folder, or where the command was called."""
    access: Access
    token: str | None = field(default=None, repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    ca: Path | None = None


def check_all(targets: Targets) -> Iterator[Finding]:
    """All checks, those of this machine first."""
    yield check_python(sys.version_info[:3])
    yield from check_programs()
    yield check_disk(str(targets.directory))
    yield from check_ports(targets.listen)
    # Each may wait for seconds for an answer that does not come: together that takes as long as the slowest.
    with ThreadPoolExecutor() as pool:
        services = [
            pool.submit(lambda: list(check_zookeeper(targets))),
            pool.submit(lambda: [check_mesos(targets.mesos, targets.access)]),
            pool.submit(lambda: [check_api(targets.api, targets.token, targets.credentials, targets.ca)]),
            pool.submit(lambda: [check_secrets(os.environ), *check_authority(os.environ)]),
        ]
        for findings in services:
            yield from findings.result()


def check_zookeeper(targets: Targets) -> Iterator[Finding]:
    """Whether ZooKeeper answers, and what stands in it about the processes in charge."""
    address = str(parse(targets.zk))
    zookeeper = connect(targets.zk, session_timeout=_TIMEOUT)
    try:
        if not zookeeper.wait_connected(_TIMEOUT):
            advice = "start ZooKeeper, or name its address with --zk or EDGELB_ZK"
            yield Finding(level=FAIL, subject="zookeeper", seen=f"no answer from {address}", advice=advice)
            return
        root = "/" + targets.zk_root.strip("/")
        try:
            yield _schema(zookeeper, address, root)
            yield _leader(zookeeper, f"{root}/frameworks/{targets.framework}/leader/holder")
            yield from _template(zookeeper, root)
        except SdkError as error:
            yield Finding(level=FAIL, subject="zookeeper", seen=str(error), advice="see ZooKeeper's own log")
    finally:
        zookeeper.close()


def _schema(zookeeper: ZooKeeper, address: str, root: str) -> Finding:
    found = zookeeper.get_json(f"{root}/schema")
    if found is None:
        seen = f"{address} answers; there is nothing below {root} yet"
        return Finding(level=OK, subject="zookeeper", seen=seen)
    version = found[0].get("version") if isinstance(found[0], dict) else None
    if version != SCHEMA:
        advice = "run the release that wrote it, or choose another --zk-root"
        seen = f"{root} was written with version {version!r} of the tree, this program knows {SCHEMA}"
        return Finding(level=FAIL, subject="zookeeper", seen=seen, advice=advice)
    return Finding(level=OK, subject="zookeeper", seen=f"{address} answers; tree {root}")


_WAIT = "wait, or check that Mesos answers"
_BY_PHASE = {
    "removed": 'curl -X POST -H "Content-Type: application/json" $EDGELB_API/v2/renew lets it go on as a new framework'
    " with its old reservations; edgelb uninstall after that gives everything up",
    "uninstalled": "stop edgelb serve, or start it again to begin anew",
    "superseded": "see that no other scheduler uses its framework id, then start it again",
}


def _asked(url: str) -> urllib3.BaseHTTPResponse:
    """Whatever certificate it shows: nothing is told to it, and whether it works is the question."""
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False) as http:
        return http.request("GET", url, timeout=_TIMEOUT, retries=False)


def _until_ready(url: str) -> str:
    """What helps a scheduler that is in charge and not ready."""
    try:
        state = _asked(f"{url.rstrip('/')}/v1/state").json()
    except (urllib3.exceptions.HTTPError, ValueError):
        state = None
    return _BY_PHASE.get(str(state.get("phase")) if isinstance(state, dict) else "", _WAIT)


def _leader(zookeeper: ZooKeeper, path: str) -> Finding:
    found = zookeeper.get_json(path)
    url = found[0].get("url") if found and isinstance(found[0], dict) else None
    if not isinstance(url, str):
        advice = "start edgelb run scheduler (or edgelb serve)"
        return Finding(level=FAIL, subject="scheduler", seen="none is in charge", advice=advice)
    try:
        answer = _asked(f"{url.rstrip('/')}/readyz")
    except urllib3.exceptions.HTTPError:
        advice = "check its log, and that this machine reaches the advertised address (--advertise)"
        return Finding(level=FAIL, subject="scheduler", seen=f"{url} is in charge but does not answer", advice=advice)
    if answer.status != 200:
        seen = f"{url} is in charge but not ready: {_sentence(answer.data)}"
        return Finding(level=WARN, subject="scheduler", seen=seen, advice=_until_ready(url))
    return Finding(level=OK, subject="scheduler", seen=f"{url} is in charge and ready")


def _template(zookeeper: ZooKeeper, root: str) -> Iterator[Finding]:
    """The template process in charge: that it beats while we look, and what it knows of the listener and of Mesos."""
    liveness = Liveness(zookeeper, root, SystemClock())
    seen = _await(liveness, lambda found: found.holder is not None)
    if seen.holder is None:
        advice = "start edgelb run template (or edgelb serve); until then load balancers keep their configuration"
        yield Finding(level=FAIL, subject="template", seen="none is in charge", advice=advice)
        return
    first = _await(liveness, lambda found: found.pulse is not None).pulse
    seen = _await(liveness, lambda found: found.pulse is not None and found.pulse != first)
    if first is None or seen.pulse is None or seen.pulse == first:
        advice = "restart it; edgelb serve does so by itself. Until then load balancers keep their servers"
        hangs = f"process {seen.holder} is in charge and hangs: no sign of life within {_BEATS:g} s"
        yield Finding(level=FAIL, subject="template", seen=hangs, advice=advice)
        return
    yield Finding(level=OK, subject="template", seen=f"process {seen.holder} is in charge and works")
    doubt = next(iter(doubts(seen)), None)
    if doubt is None:
        yield Finding(level=OK, subject="listener", seen=f"{seen.pulse.listener} tells the template what runs")
    else:
        advice = "load balancers keep their servers meanwhile; check that process, or restart it"
        yield Finding(level=FAIL, subject=doubt.component, seen=doubt.reason, advice=advice)


def _await(liveness: Liveness, enough: Callable[[Seen], bool]) -> Seen:
    """What is seen when it is enough, or after _BEATS seconds."""
    deadline = time.monotonic() + _BEATS
    while not enough(seen := liveness.seen()) and time.monotonic() < deadline:
        if seen.holder is None and seen.holder_for > _TIMEOUT:
            break
        time.sleep(0.05)
    return seen


def _sentence(data: bytes) -> str:
    try:
        body = json.loads(data)
        return str(body["message"]) if isinstance(body, dict) and "message" in body else str(body)[:200]
    except ValueError:
        return " ".join(data.decode(errors="replace").split())[:200]


def check_mesos(address: str, access: Access) -> Finding:
    """Whether a master answers."""
    # Imported here: pymesos comes with it.
    from sdk.mesos.operator import OperatorClient
    from sdk.mesos.stream import Limits, NoAnswer

    shown = without_secrets(address) if "://" in address else address
    advice = "start Mesos, or name the masters with --mesos or EDGELB_MESOS"
    try:
        _reach(address)
        limits = Limits(connect=_TIMEOUT, answer=_ANSWER)
        client = OperatorClient(address, credentials=access.credentials, tls=access.tls, limits=limits)
        try:
            if not client.wait_known(_ELECTED):
                seen = f"{shown}: no master is elected there, or ZooKeeper does not answer"
                return Finding(level=FAIL, subject="mesos", seen=seen, advice=advice)
            version = client.call("GET_VERSION", idempotent=False)["get_version"]["version_info"]["version"]
        finally:
            client.close()
    except NoAnswer:
        seen = f"{shown} accepts connections, but gives no answer within {_ANSWER:g} s"
        return Finding(level=FAIL, subject="mesos", seen=seen, advice="it hangs or is overloaded: restart that master")
    except Unauthorized as error:
        advice = "set EDGELB_MESOS_PRINCIPAL and EDGELB_MESOS_SECRET_FILE to what this Mesos knows"
        return Finding(level=FAIL, subject="mesos", seen=str(error), advice=advice)
    except (SdkError, OSError) as error:
        return Finding(level=FAIL, subject="mesos", seen=f"{shown}: {error}", advice=advice)
    except (KeyError, TypeError):
        return Finding(level=FAIL, subject="mesos", seen=f"{shown} does not answer like a Mesos master", advice=advice)
    return Finding(level=OK, subject="mesos", seen=f"{shown} answers, version {version}")


def _reach(address: str) -> None:
    """Fail within seconds where nothing listens at all; the client itself would be more patient."""
    if address.startswith(("zk://", "zoo://")):
        return
    last: OSError | None = None
    for part in address.removeprefix("https://").removeprefix("http://").split(","):
        host, _, port = part.partition("/")[0].rpartition(":")
        try:
            socket.create_connection((host or part, int(port) if host else 5050), _TIMEOUT).close()
        except (OSError, ValueError) as error:
            last = OSError(f"no master listens there ({error})")
        else:
            return
    if last is not None:
        raise last


def check_api(
    url: str, token: str | None = None, credentials: tuple[str, str] | None = None, ca: Path | None = None
) -> Finding:
    """Whether the API answers and can reach ZooKeeper."""
    advice = "start edgelb run api (or edgelb serve), or name its address with --api or EDGELB_API"
    try:
        client = ApiClient(url, token=token, credentials=credentials, ca=ca, timeout=_TIMEOUT)
        client.ping()
        names = [pool["name"] for pool in client.pools()]
    except (ApiUnreachable, ValueError) as error:
        return Finding(level=FAIL, subject="api", seen=str(error), advice=advice)
    except ApiError as error:
        return Finding(level=FAIL, subject="api", seen=error.message, advice="see the log of the API server")
    pools = f"{len(names)} pool{'' if len(names) == 1 else 's'}"
    return Finding(level=OK, subject="api", seen=f"{without_secrets(client.base)} answers, {pools}")
