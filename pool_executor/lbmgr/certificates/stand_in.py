"""What stands in for a file that the options of servers name, and that is not there: HAProxy would not start without.

It is safe: an authority whose key is nobody's has signed nothing, and a certificate that signs itself is trusted by
nobody. Servers that need the file are down for it, everything else is served.
"""

import datetime

from pool_executor.lbmgr.certificates.pem import CERTIFICATE

_FIRST_LINE = b"# Stands in for a file that is not there.\n"


def stand_in(*, authority: bool) -> bytes:
    """A certificate, with its key where it is not there to judge others by."""
    from pool_executor.lbmgr.certificates import autocert

    made = autocert.make("nobody", (), datetime.datetime.now(datetime.UTC))
    return _FIRST_LINE + (b"".join(CERTIFICATE.findall(made)) + b"\n" if authority else made)


def is_stand_in(data: bytes) -> bool:
    """Whether it was made here."""
    return data.startswith(_FIRST_LINE)
