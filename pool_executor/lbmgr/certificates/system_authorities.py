"""The authorities that the machine of an instance trusts, as its distribution has them in one file.

HAProxy has a word of its own for them (`@system-ca`), which not every build knows.
"""

import ssl
from pathlib import Path

from pool_executor.lbmgr.certificates.pem import CERTIFICATE

# Debian and others, Fedora and Red Hat, openSUSE, Alpine.
_PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def system_authorities() -> bytes:
    """Their certificates, without comments; raises OSError with the sentence when there are none."""
    for place in (*filter(None, (ssl.get_default_verify_paths().cafile,)), *_PLACES):
        try:
            found = CERTIFICATE.findall(Path(place).read_bytes())
        except OSError:
            continue  # the next distribution's
        if found:
            return b"\n".join([*found, b""])
    raise OSError(f"the machine has none of {', '.join(_PLACES)}: install its package of CA certificates")
