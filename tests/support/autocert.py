"""What an authority made by openssl signs for an instance."""

import datetime

from pool_executor.lbmgr.certificates.own_certificate import OwnCertificate
from scheduler.secret_delivery import signing
from scheduler.secret_delivery.authority import read
from tests.support.tls import Certificate


def signed_for(own: OwnCertificate, by: Certificate, *names: str) -> bytes:
    """The chain for these names, in PEM."""
    known = signing.names_of(names)
    key = signing.asked(own.request(), known)
    authority = read(by.certificate.read_bytes() + by.key.read_bytes())
    return signing.sign(authority, key, known, datetime.datetime.now(datetime.UTC))
