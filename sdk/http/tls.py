"""TLS of a server from files: its certificate and key, and whose certificates of clients are believed.

All are read again when they change: a connection that is opened later is served with the new ones.
"""

import ssl
from pathlib import Path
from typing import Any

from sdk.errors import InvalidSpec
from sdk.reread import Reread

CLIENT_NAMES = "sdk.client_names"
"""Key in the WSGI environment of the names in the certificate that the client has shown, and that was verified."""


class ServerTls:
    """What a server shows, and asks."""

    def __init__(
        self, *, certificate: Path, key: Path, client_ca: Path | None = None, settings: str = "certificate, key"
    ) -> None:
        """`certificate` is followed by those above it. With `client_ca` clients may show a certificate that is signed
        by one of these, but need not: what they may do then is decided request by request.

        Raises InvalidSpec, by the name of the `settings`, when the files cannot be used.
        """
        files = (certificate, key, *(() if client_ca is None else (client_ca,)))
        self._context = Reread(files, lambda: _context(certificate, key, client_ca, settings))

    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        return self._context.get()


def _context(certificate: Path, key: Path, client_ca: Path | None, settings: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a password would be asked for at the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ValueError) as error:
        names = ", ".join(map(str, (certificate, key, *(() if client_ca is None else (client_ca,)))))
        raise InvalidSpec(settings, f"{names} cannot be used for TLS: {error}") from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")


def names_of(certificate: Any) -> tuple[str, ...]:
    """The common name and DNS names of a certificate that was verified, as `SSLSocket.getpeercert` shows it."""
    if not certificate:
        return ()
    common = (value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName")
    others = (value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS")
    return tuple(dict.fromkeys((*common, *others)))
