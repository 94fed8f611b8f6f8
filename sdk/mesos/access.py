"""How a process shows masters and agents who it is, and how it knows them: credentials and TLS from settings.

Knows the names of the settings, and that what cannot work is told before anything starts. Does not connect.
"""

from dataclasses import dataclass
from pathlib import Path

from sdk.errors import InvalidSpec
from sdk.mesos.auth import Basic
from sdk.mesos.tls import Tls
from sdk.secret_file import read_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Nothing of both for a Mesos that wants nothing."""

    credentials: Basic | None = None
    tls: Tls | None = None
    """None: `http` unless an address says `https`, which is then checked against the system's certificates."""

    def principal_for(self, framework: str, configured: str | None) -> str | None:
        """The principal of a framework: the one that shows its secret; raises InvalidSpec when another is configured,
        since Mesos refuses a framework of somebody else.
        """
        if self.credentials is None:
            return configured
        own = self.credentials.principal
        if configured not in (None, own):
            raise InvalidSpec(f"{framework}.principal", f"{configured!r} is not {own!r}, that of --mesos-principal")
        return own


def access_from(
    *,
    principal: str | None = None,
    secret_file: Path | None = None,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    verify: bool = True,
) -> Access:
    """From the settings --mesos-...; raises InvalidSpec for what is missing, cannot be read or does not fit."""
    if (principal is None) != (secret_file is None):
        raise InvalidSpec("mesos-principal", "--mesos-principal and --mesos-secret-file belong together")
    if principal is not None and (":" in principal or not principal.isprintable()):
        raise InvalidSpec("mesos-principal", "must hold no colon and nothing invisible: HTTP cannot carry it")
    credentials = None
    if principal is not None and secret_file is not None:
        credentials = Basic(principal, read_secret(secret_file, "mesos-secret-file"))
    if (certificate is None) != (key is None):
        raise InvalidSpec("mesos-certificate", "--mesos-certificate and --mesos-key belong together")
    if ca is None and certificate is None and verify:
        return Access(credentials=credentials)
    for setting, path in (("mesos-ca", ca), ("mesos-certificate", certificate), ("mesos-key", key)):
        _readable(setting, path)
    tls = Tls(
        ca_file=None if ca is None else str(ca),
        cert_file=None if certificate is None else str(certificate),
        key_file=None if key is None else str(key),
        verify=verify,
    )
    try:
        tls.context()
    except (OSError, ValueError) as error:
        raise InvalidSpec("mesos-ca", f"these certificates or this key cannot be used: {error}") from error
    return Access(credentials=credentials, tls=tls)


def _readable(setting: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidSpec(setting, f"{path} cannot be read: {error.strerror}") from error
