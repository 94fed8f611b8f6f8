"""The operator's authority that signs the certificates of instances, as it stands in a file: what of it can be used.

Pure. No message holds a part of the file. What it signs is in signing.py.
"""

import datetime
import re
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----.+?-----END ([A-Z]+ )?PRIVATE KEY-----", re.DOTALL)


class Unusable(Exception):
    """Nothing can be signed with it; the sentence's end says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A key that signs, the certificate of it, and those above that one as far as the file has them."""

    key: Key = field(repr=False)
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def between(self) -> bytes:
        """What clients need beside the certificate that is signed, in PEM: those that did not sign themselves."""
        return b"".join(
            one.public_bytes(serialization.Encoding.PEM)
            for one in (self.certificate, *self.above)
            if one.issuer != one.subject
        )

    @property
    def not_before(self) -> datetime.datetime:
        """Since when all of them are good."""
        return max(one.not_valid_before_utc for one in (self.certificate, *self.above))

    @property
    def not_after(self) -> datetime.datetime:
        """Until when all of them are good."""
        return min(one.not_valid_after_utc for one in (self.certificate, *self.above))

    def check(self, now: datetime.datetime) -> None:
        """Raises Unusable while one of them is not good."""
        if now >= self.not_after:
            raise Unusable(f"it expired at {self.not_after:%Y-%m-%d %H:%M} UTC")
        if now < self.not_before:
            raise Unusable(f"it is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC")


def read(data: bytes) -> Authority:
    """The authority in a file, in PEM: certificates in any order, and the key of one of them. Raises Unusable."""
    key = _key(data)
    certificates = _certificates(data)
    own = next((one for one in certificates if _same_key(one, key)), None)
    if own is None:
        raise Unusable("its key is that of none of its certificates")
    if not _may_sign(own):
        raise Unusable("its certificate is none of an authority: it may not sign others")
    return Authority(key=key, certificate=own, above=tuple(_above(own, certificates)))


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        said = {type(one.value): one.value for one in certificate.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Unusable("the extensions of its certificate cannot be read") from error
    constraints, usage = said.get(x509.BasicConstraints), said.get(x509.KeyUsage)
    if not isinstance(constraints, x509.BasicConstraints) or not constraints.ca:
        return False
    # Who does not say what its key is for may use it for everything.
    return not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign


def _key(data: bytes) -> Key:
    if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data or b"Proc-Type: 4,ENCRYPTED" in data:
        raise Unusable("its key is encrypted, and nobody is there to tell the password")
    found = _KEY.search(data)
    if found is None:
        raise Unusable("it holds no private key in PEM")
    try:
        key = serialization.load_pem_private_key(found[0], password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unusable("its key cannot be read") from None
    if not isinstance(key, Key):
        raise Unusable("its key is of a kind that clients do not know: it must be an EC, RSA or Ed25519 key")
    return key


def _certificates(data: bytes) -> list[x509.Certificate]:
    try:
        found = [x509.load_pem_x509_certificate(one[0]) for one in _CERTIFICATE.finditer(data)]
    except ValueError:
        raise Unusable("one of its certificates cannot be read") from None
    if not found:
        raise Unusable("it holds no certificate in PEM")
    return found


def _same_key(certificate: x509.Certificate, key: Key) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _above(own: x509.Certificate, certificates: list[x509.Certificate]) -> list[x509.Certificate]:
    """Who signed it, who signed that one, and so on."""
    found: list[x509.Certificate] = []
    last = own
    while last.issuer != last.subject:
        signer = next((one for one in certificates if one not in (own, *found) and signed(last, one)), None)
        if signer is None:
            break
        found.append(signer)
        last = signer
    return found


def signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Whether the one signed the other."""
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
