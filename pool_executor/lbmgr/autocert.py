"""The certificate that an instance makes for itself, and signs itself.

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
from asn1crypto import keys, pem, x509

_YEARS = 10
# Clocks of clients may be a little behind.
_BACK = datetime.timedelta(days=1)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")


def make(pool: str, names: Iterable[str], now: datetime.datetime) -> bytes:
    """A certificate and its key in PEM, good for ten years; it is for the pool's name and all `names` that are host
    names or addresses.
    """
    key = ecdsa.SigningKey.generate(ecdsa.NIST256p)
    public = keys.PublicKeyInfo.load(key.verifying_key.to_der())
    algorithm = {"algorithm": "sha256_ecdsa"}
    name = x509.Name.build({"common_name": pool})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            # Never 0, and never negative.
            "serial_number": int.from_bytes(os.urandom(16), "big") >> 1 | 1 << 120,
            "signature": algorithm,
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
    signature = key.sign_deterministic(body.dump(), hashfunc=hashlib.sha256, sigencode=ecdsa.util.sigencode_der)
    certificate = x509.Certificate(
        {"tbs_certificate": body, "signature_algorithm": algorithm, "signature_value": signature}
    )
    return bytes(pem.armor("CERTIFICATE", certificate.dump())) + bytes(key.to_pem(format="pkcs8"))


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
