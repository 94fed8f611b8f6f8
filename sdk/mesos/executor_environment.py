"""What an agent tells its executors in environment variables, read as Mesos writes it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.errors import EnvironmentProblem
from sdk.mesos.endpoint import Endpoint, parse
from sdk.mesos.tls import Tls

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "secs": 1.0,
    "mins": 60.0,
    "hrs": 3600.0,
    "days": 86400.0,
    "weeks": 604800.0,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Times in seconds."""

    agent: Endpoint
    tls: Tls | None
    framework_id: str
    executor_id: str
    checkpoint: bool
    recovery_timeout: float
    shutdown_grace: float
    backoff_most: float
    token: str | None = field(repr=False)


def read(env: Mapping[str, str], tls: Tls | None = None) -> Told:
    """All of it; `tls` wins over what the agent says. Raises EnvironmentProblem when it is not that of an executor."""
    for name in ("MESOS_AGENT_ENDPOINT", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"):
        if not env.get(name):
            raise EnvironmentProblem(f"{name} is not set: this program is started by a Mesos agent, not by hand")
    endpoint, tls = _agent(env, tls)
    return Told(
        agent=endpoint,
        tls=tls,
        framework_id=env["MESOS_FRAMEWORK_ID"],
        executor_id=env["MESOS_EXECUTOR_ID"],
        # pymesos reads bool(text), for which "0" is true.
        checkpoint=truth(env.get("MESOS_CHECKPOINT")),
        recovery_timeout=duration(env.get("MESOS_RECOVERY_TIMEOUT"), 15 * 60.0),
        shutdown_grace=duration(env.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"), 5.0),
        backoff_most=duration(env.get("MESOS_SUBSCRIPTION_BACKOFF_MAX"), 2.0),
        token=env.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"),
    )


def truth(text: str | None) -> bool:
    """How Mesos reads a boolean variable: absent, empty, `0` and `false` are false."""
    return (text or "").strip().lower() not in ("", "0", "false", "no")


def duration(text: str | None, default: float) -> float:
    """Seconds in a duration as Mesos prints it, such as `2mins` or `1.5secs`; raises EnvironmentProblem."""
    if not text:
        return default
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise EnvironmentProblem(f"{text!r} is not a duration as Mesos prints it, such as 2mins")
    return float(match[1]) * _UNITS[match[2]]


def _agent(env: Mapping[str, str], tls: Tls | None) -> tuple[Endpoint, Tls | None]:
    """Where the agent listens; with TLS when we are told so, or when the agent tells its children so."""
    if tls is None and truth(env.get("LIBPROCESS_SSL_ENABLED")):
        tls = Tls(
            ca_file=env.get("LIBPROCESS_SSL_CA_FILE"),
            cert_file=env.get("LIBPROCESS_SSL_CERT_FILE"),
            key_file=env.get("LIBPROCESS_SSL_KEY_FILE"),
            verify=truth(env.get("LIBPROCESS_SSL_VERIFY_SERVER_CERT")),
        )
    return parse(env["MESOS_AGENT_ENDPOINT"], scheme="https" if tls else "http"), tls
