"""The certificate that an instance makes for itself, and signs itself; and how it asks an authority for another one.

In pure Python: the interpreter of an agent may have libcrypto anywhere, or none that others can call, and a wrong call
of C would end the load balancer. The key is a P-256 one: made in milliseconds, and known to every client. Does not know
where it is kept. To be imported when one is needed, as its libraries take a twentieth of a second.
"""

import datetime
import hashlib
import ipaddress
import os
import re
from collections.abc import Iterable

import ecdsa
from asn1crypto import csr, keys, pem, x509

_YEARS = 10
_ALGORITHM = {"algorithm": "sha256_ecdsa"}
# Clocks of clients may be a little behind.
_BACK = datetime.timedelta(days=1)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")


def make(pool: str, names: Iterable[str], now: datetime.datetime) -> bytes:
    """A certificate and its key in PEM, good for ten years; it is for the pool's name and all `names` that are host
    names or addresses.
    """
    key = make_key()
    return sign_itself(key, pool, names, now) + key_pem(key)


def make_key() -> ecdsa.SigningKey:
    """A new one."""
    return ecdsa.SigningKey.generate(ecdsa.NIST256p)


def key_pem(key: ecdsa.SigningKey) -> bytes:
    """As HAProxy reads it."""
    return bytes(key.to_pem(format="pkcs8"))


def request(key: ecdsa.SigningKey) -> bytes:
    """What an authority is shown (PKCS #10, DER): the public key, and that whoever asks has the key to it.

    It claims no name: which ones the instance has the authority knows by itself.
    """
    body = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build({}),
            "subject_pk_info": keys.PublicKeyInfo.load(key.verifying_key.to_der()),
            "attributes": [],
        }
    )
    made = csr.CertificationRequest(
        {
            "certification_request_info": body,
            "signature_algorithm": _ALGORITHM,
            "signature": _sign(key, body.dump()),
        }
    )
    return bytes(made.dump())


def is_for(certificate: bytes, key: ecdsa.SigningKey) -> bool:
    """Whether a certificate, in DER, is about this key."""
    public = x509.Certificate.load(certificate, strict=True).public_key
    return bool(public.dump() == keys.PublicKeyInfo.load(key.verifying_key.to_der()).dump())


def sign_itself(key: ecdsa.SigningKey, pool: str, names: Iterable[str], now: datetime.datetime) -> bytes:
    """The certificate that `make` speaks of, in PEM."""
    public = keys.PublicKeyInfo.load(key.verifying_key.to_der())
    name = x509.Name.build({"common_name": pool})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            # Never 0, and never negative.
            "serial_number": int.from_bytes(os.urandom(16), "big") >> 1 | 1 << 120,
            "signature": _ALGORITHM,
            "issuer": name,
            "validity": {
                "not_before": x509.Time(name="general_time" if now.year >= 2050 else "utc_time", value=now - _BACK),
                "not_after": x509.Time(
                    name="general_time" if now.year + _YEARS >= 2050 else "utc_time",
                    value=now + datetime.timedelta(days=365 * _YEARS),
                ),
            },
            "subject": name,
            "subject_public_key_info": public,
            "extensions": [
                {"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": False}},
                {"extn_id": "key_usage", "critical": True, "extn_value": {"digital_signature"}},
                {"extn_id": "extended_key_usage", "critical": False, "extn_value": ["server_auth"]},
                {"extn_id": "key_identifier", "critical": False, "extn_value": public.sha1},
                {"extn_id": "subject_alt_name", "critical": False, "extn_value": _alternatives((pool, *names))},
            ],
        }
    )
    certificate = x509.Certificate(
        {"tbs_certificate": body, "signature_algorithm": _ALGORITHM, "signature_value": _sign(key, body.dump())}
    )
    return bytes(pem.armor("CERTIFICATE", certificate.dump()))


def _sign(key: ecdsa.SigningKey, body: bytes) -> bytes:
    return bytes(key.sign_deterministic(body, hashfunc=hashlib.sha256, sigencode=ecdsa.util.sigencode_der))


def _alternatives(names: Iterable[str]) -> list[object]:
    """Each once, in their order; what is neither a host name nor an address is left out."""
    found: dict[str, object] = {}
    for name in names:
        try:
            address = str(ipaddress.ip_address(name))
        except ValueError:
            if _HOST.fullmatch(name) and len(name) <= 253:
                text = name.rstrip(".").lower()
                found.setdefault(text, x509.GeneralName(name="dns_name", value=text))
        else:
            found.setdefault(address, x509.GeneralName(name="ip_address", value=address))
    return list(found.values())
