"""For which hosts a certificate of a frontend is shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateHosts:
    """`hosts` are names, `*.` with a name for all one step below it, and `!` with a name for those that it is not for.

    Without any, the certificate is shown only to clients whose host no certificate is for, if it is the first one.
    """

    certificate: str
    """As in the certificates of the frontend."""
    hosts: tuple[str, ...] = ()
