"""What an agent tells its executors in environment variables, read as Mesos writes it. Pure."""

import re
from collections.abc import Mapping

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


def agent(env: Mapping[str, str], tls: Tls | None) -> tuple[Endpoint, Tls | None]:
    """Where the agent listens; with TLS when we are told so, or when the agent tells its children so."""
    if tls is None and truth(env.get("LIBPROCESS_SSL_ENABLED")):
        tls = Tls(
            ca_file=env.get("LIBPROCESS_SSL_CA_FILE"),
            cert_file=env.get("LIBPROCESS_SSL_CERT_FILE"),
            key_file=env.get("LIBPROCESS_SSL_KEY_FILE"),
            verify=truth(env.get("LIBPROCESS_SSL_VERIFY_SERVER_CERT")),
        )
    return parse(env["MESOS_AGENT_ENDPOINT"], scheme="https" if tls else "http"), tls
