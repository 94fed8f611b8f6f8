"""The certificate that this process shows to instances, made anew at each start: it is there so that TLS can be talked.

Nobody checks it; who may talk to an instance is Mesos' affair.
"""

import datetime
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sdk.mesos.conversation import frameworks_context

_DAYS = 3650


def make_context() -> ssl.SSLContext:
    """For the scheduler's side of conversations. The key is on disk for a moment, where only this user can read it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgelb scheduler")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory(prefix="edgelb-") as directory:
        path = Path(directory) / "own.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        return frameworks_context(path)
