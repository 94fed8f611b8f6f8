"""What a file of certificates holds, and whether HAProxy could use it.

Asked before HAProxy is: one file that it cannot use would make it refuse a whole configuration. No message holds a part
of a file. Does not know where files come from.
"""

import base64
import os
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: A certificate in a file.
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the first certificate of a file says: whose it is, who signed it, and when it is good, in epoch seconds."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    common_name: str
    not_before: float
    not_after: float


def certificate_problem(data: bytes) -> str | None:
    """Why these bytes are no certificate with its key, as the end of a sentence; None when they are."""
    if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data or b"Proc-Type: 4,ENCRYPTED" in data:
        return "its key is encrypted, and nobody is there to tell the password"
    if not CERTIFICATE.search(data):
        return "it holds no certificate in PEM"
    if not _KEY.search(data):
        return "it holds no private key: put it behind the certificate"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with _file(data) as path:
            context.load_cert_chain(path, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "its key is not that of its first certificate"
        return f"it cannot be read: {error.reason or 'no certificate with its key'}"
    return None if facts(data) is not None else "its first certificate cannot be read"


def authority_problem(data: bytes) -> str | None:
    """Why these bytes are no certificates by which others can be judged; None when they are."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return "it holds no certificates in PEM"
    return None


def staple_problem(data: bytes) -> str | None:
    """Why these bytes are nothing that OCSP says of a certificate, as the end of a sentence; None when they are."""
    from asn1crypto import ocsp  # as below

    try:
        said = ocsp.OCSPResponse.load(data, strict=True)["response_status"].native
    except Exception:  # noqa: BLE001 - anybody's bytes, which fail in many ways
        return "it is no answer of OCSP in DER"
    return None if said == "successful" else f"it says {said}"


def facts(data: bytes) -> Facts | None:
    """Those of the first certificate; None when there is none that can be read."""
    from asn1crypto import x509  # takes longer to load than all else here, and only who has certificates needs it

    block = CERTIFICATE.search(data)
    if block is None:
        return None
    try:
        found = x509.Certificate.load(ssl.PEM_cert_to_DER_cert(block[0].decode("ascii")), strict=True)
        value = found.subject_alt_name_value
        return Facts(
            subject=str(found.subject.human_friendly)[:200],
            issuer=str(found.issuer.human_friendly)[:200],
            names=tuple(str(name.native)[:253] for name in value or () if name.name in ("dns_name", "ip_address")),
            common_name=str(found.subject.native.get("common_name") or "")[:253],
            not_before=found.not_valid_before.timestamp(),
            not_after=found.not_valid_after.timestamp(),
        )
    except Exception:  # noqa: BLE001 - anybody's bytes: what is not as X.509 has it fails in many ways
        return None


def shown_for(data: bytes) -> frozenset[str]:
    """The names for which HAProxy shows the certificate."""
    found = facts(data)
    return frozenset() if found is None else frozenset(filter(None, (*found.names, found.common_name)))


def worse(placed: bytes, data: bytes) -> str | None:
    """Why a certificate must not take the place of another one that is good now."""
    before, after, now = facts(placed), facts(data), time.time()
    if before is None or after is None or not before.not_before <= now <= before.not_after:
        return None
    if now > after.not_after:
        return "it has expired, and the one that is served has not"
    return "it is not valid yet, and the one that is served is" if now < after.not_before else None


def lines(data: bytes) -> list[str]:
    """The lines of the PEM blocks, as HAProxy takes them over its socket: nothing around them, no empty ones."""
    found: list[str] = []
    inside = False
    for line in data.decode("ascii", "replace").splitlines():
        text = line.strip()
        inside = inside or text.startswith("-----BEGIN ")
        if inside and text:
            found.append(text)
        inside = inside and not text.startswith("-----END ")
    return found


def base64_lines(data: bytes) -> list[str]:
    """Bytes as HAProxy takes them over its socket."""
    return base64.encodebytes(data).decode("ascii").splitlines()


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """A file in memory, as OpenSSL reads files only."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
