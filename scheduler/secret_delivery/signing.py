"""What the operator's authority signs for an instance: a certificate of the instance's key for the instance's names.

Which names those are is told by who knows the instance; one that claims others gets none. Pure, but for the clock of
who calls and the serial numbers.
"""

import datetime
import ipaddress
import re
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scheduler.secret_delivery.authority import Authority, signed

LIFE = datetime.timedelta(days=90)
_BACK = datetime.timedelta(hours=1)
"""Clocks of clients may be a little behind."""
_WORTH = datetime.timedelta(hours=1)
"""What a renewal must add: near the end of its authority a certificate is as good as the next one."""
_LONGEST_COMMON_NAME = 64
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

Name = x509.DNSName | x509.IPAddress


class Refused(Exception):
    """Nothing is signed for this; the sentence says why."""


def names_of(texts: Iterable[str]) -> tuple[Name, ...]:
    """Each once, in their order; what is neither a host name nor an address is left out."""
    found: dict[Name, None] = {}
    for text in texts:
        try:
            found[x509.IPAddress(ipaddress.ip_address(text))] = None
        except ValueError:
            if _HOST.fullmatch(text) and len(text) <= 253:
                found[x509.DNSName(text.rstrip(".").lower())] = None
    return tuple(found)


def asked(request: bytes, names: tuple[Name, ...]) -> ec.EllipticCurvePublicKey:
    """The key that is asked for; raises Refused, also for every name that is claimed and is none of `names`."""
    try:
        found = x509.load_der_x509_csr(request)
        if not found.is_signature_valid:
            raise Refused("its request for a certificate is not signed with the key that it is for")
        key = found.public_key()
        claimed = {_spelled(one) for one in _claims(found)}
    except (*_UNREADABLE, InvalidSignature) as error:
        raise Refused("its request for a certificate cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refused("its request for a certificate is not for a P-256 key")
    if not names:
        raise Refused("its pool and its agent have no name that a certificate could be for")
    if foreign := sorted(claimed - {_spelled(one) for one in names}):
        raise Refused(f"it asks for a certificate for {foreign[0]!r:.80}, which is no name of this instance")
    return key


def _claims(request: x509.CertificateSigningRequest) -> Iterable[object]:
    yield from (one.value for one in request.subject)
    try:
        yield from request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return


def _spelled(name: object) -> str:
    value = name.value if isinstance(name, x509.GeneralName) else name
    return str(value).rstrip(".").lower()


def sign(
    authority: Authority, key: ec.EllipticCurvePublicKey, names: tuple[Name, ...], now: datetime.datetime
) -> bytes:
    """The certificate, and those between it and a root, in PEM. The first name is its subject's, too."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value)[:_LONGEST_COMMON_NAME])]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - _BACK, authority.not_before))
        .not_valid_after(_end(authority, now))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_identifier(authority), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    by_itself = isinstance(authority.key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    made = builder.sign(authority.key, None if by_itself else hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM) + authority.between


def is_as_good(
    chain: bytes, authority: Authority, key: ec.EllipticCurvePublicKey, names: tuple[Name, ...], now: datetime.datetime
) -> bool:
    """Whether what was signed before needs no successor: by this authority, for this key and these names, and two
    thirds of its time are not over, or another one would end with it.
    """
    try:
        leaf = x509.load_pem_x509_certificate(chain)
        same = leaf.public_key() == key and _names_in(leaf) == set(names)
    except (*_UNREADABLE, x509.ExtensionNotFound):
        return False
    if not same or not signed(leaf, authority.certificate):
        return False
    if chain != leaf.public_bytes(serialization.Encoding.PEM) + authority.between:
        return False
    began, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    young = began <= now < began + (end - began) * 2 / 3
    return young or (now < end and _end(authority, now) - end < _WORTH)


def _names_in(leaf: x509.Certificate) -> set[x509.GeneralName]:
    return set(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _end(authority: Authority, now: datetime.datetime) -> datetime.datetime:
    return min(now + LIFE, authority.not_after)


def _identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    try:
        known = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known.value)
