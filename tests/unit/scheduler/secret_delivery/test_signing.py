"""What an authority signs, for whom, and which files hold one."""

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from pool_executor.lbmgr.certificates import autocert
from scheduler.secret_delivery import signing
from scheduler.secret_delivery.authority import Authority, Unusable, read
from tests.support.tls import Certificate, authority, signed, trusted

NAMES = signing.names_of(("shop", "Agent-1.example.com.", "10.0.0.1", "::1", "no name", "shop"))


def loaded(*parts: Certificate) -> Authority:
    """That of the first one, with the others above it."""
    return read(parts[0].key.read_bytes() + b"".join(one.certificate.read_bytes() for one in reversed(parts)))


def days(number: float = 0) -> datetime.datetime:
    """So many from now on."""
    return datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(days=number)


def made(by: Authority) -> tuple[bytes, ec.EllipticCurvePublicKey]:
    key = signing.asked(autocert.request(autocert.make_key()), NAMES)
    return signing.sign(by, key, NAMES, days()), key


def leaf(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(chain)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return authority(tmp_path_factory.mktemp("root"), "root", days=400)


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory, root: Certificate) -> Certificate:
    return authority(tmp_path_factory.mktemp("middle"), "middle", root, days=300)


def test_openssl_trusts_the_chain_for_the_names_of_the_instance_and_no_others(
    tmp_path: Path, root: Certificate, middle: Certificate
) -> None:
    """Clients have the root only; it is not sent."""
    chain, _ = made(loaded(middle, root))
    assert chain.count(b"BEGIN CERTIFICATE") == 2
    assert b"PRIVATE" not in chain
    assert trusted(tmp_path, chain, root, "shop", "agent-1.example.com", "10.0.0.1", "::1")
    assert not trusted(tmp_path, chain, root, "other.example.com")
    assert not trusted(tmp_path, chain, authority(tmp_path, "stranger"), "shop")
    direct, _ = made(loaded(root))
    assert direct.count(b"BEGIN CERTIFICATE") == 1
    assert trusted(tmp_path, direct, root, "shop")


def test_a_certificate_is_good_for_ninety_days_and_not_longer_than_its_authority(
    tmp_path: Path, root: Certificate
) -> None:
    """Its number is its own."""
    one, other = leaf(made(loaded(root))[0]), leaf(made(loaded(root))[0])
    assert one.serial_number != other.serial_number
    assert one.not_valid_before_utc <= days()
    assert days(89) < one.not_valid_after_utc <= days(90)
    short = loaded(authority(tmp_path, "short", days=7))
    assert leaf(made(short)[0]).not_valid_after_utc == short.not_after


def test_it_is_renewed_when_two_thirds_are_over_or_when_another_one_is_due(tmp_path: Path, root: Certificate) -> None:
    """By another authority, for other names or another key, or when somebody cut the chain."""
    by = loaded(root)
    chain, key = made(by)
    assert signing.is_as_good(chain, by, key, NAMES, days(59))
    assert not signing.is_as_good(chain, by, key, NAMES, days(61))
    assert not signing.is_as_good(chain, by, key, NAMES[:-1], days())
    assert not signing.is_as_good(chain, by, made(by)[1], NAMES, days())
    assert not signing.is_as_good(chain, loaded(authority(tmp_path, "root")), key, NAMES, days())
    assert not signing.is_as_good(chain + chain, by, key, NAMES, days())
    for nonsense in (b"", b"x" * 100, b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"):
        assert not signing.is_as_good(nonsense, by, key, NAMES, days())
    short = loaded(authority(tmp_path, "short", days=3))
    chain, key = made(short)
    assert signing.is_as_good(chain, short, key, NAMES, days(2.5))


def asking(*names: str, subject: str = "shop", key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """What a taken-over instance may send."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    )
    if names:
        claimed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(claimed, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_an_instance_that_claims_a_name_of_others_is_refused() -> None:
    """Its own ones may be claimed, and change nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    assert signing.asked(asking("shop", "AGENT-1.example.com", key=key), NAMES) == key.public_key()
    with pytest.raises(signing.Refused, match=r"for 'bank.example.com', which is no name of this instance"):
        signing.asked(asking("shop", "bank.example.com", key=key), NAMES)
    with pytest.raises(signing.Refused, match=r"for 'bank.example.com'"):
        signing.asked(asking(subject="bank.example.com", key=key), NAMES)
    with pytest.raises(signing.Refused, match="have no name"):
        signing.asked(asking(key=key), ())


def test_a_request_that_is_not_what_instances_send_is_refused() -> None:
    """Bytes of anybody, somebody else's signature, another kind of key."""
    own = bytearray(asking(key=ec.generate_private_key(ec.SECP256R1())))
    own[-1] ^= 1
    for request, why in (
        (b"", "cannot be read"),
        (b"\x30\x82" + b"x" * 100, "cannot be read"),
        (bytes(own), "not signed with the key|cannot be read"),
        (asking(key=rsa.generate_private_key(65537, 2048)), "P-256"),
        (asking(key=ec.generate_private_key(ec.SECP384R1())), "P-256"),
    ):
        with pytest.raises(signing.Refused, match=why):
            signing.asked(request, NAMES)


@pytest.mark.parametrize("kind", [("rsa:2048",), ("ed25519",), ("ec", "-pkeyopt", "ec_paramgen_curve:secp384r1")])
def test_authorities_have_keys_of_several_kinds(tmp_path: Path, kind: tuple[str, ...]) -> None:
    """What operators have."""
    key, file = tmp_path / "ca.key", tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "9", "-subj", "/CN=ca",
         "-addext", "keyUsage=critical,keyCertSign", "-keyout", key, "-out", file],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    ca = Certificate(certificate=file, key=key)
    assert trusted(tmp_path, made(loaded(ca))[0], ca, "shop")


def test_a_file_without_a_usable_authority_is_described(tmp_path: Path, root: Certificate) -> None:
    """In words, without a part of it."""
    other = authority(tmp_path, "other")
    none = signed(tmp_path, "leaf", root)
    key, certificate = root.key.read_bytes(), root.certificate.read_bytes()
    encrypted = key.replace(b"BEGIN PRIVATE KEY", b"BEGIN ENCRYPTED PRIVATE KEY")
    for data, why in (
        (certificate, "no private key"),
        (key, "no certificate"),
        (certificate + other.key.read_bytes(), "that of none of its certificates"),
        (certificate + encrypted, "encrypted"),
        (none.certificate.read_bytes() + none.key.read_bytes(), "may not sign others"),
        (certificate.replace(b"MII", b"!!!") + key, "cannot be read"),
        (certificate + key.replace(b"MIG", b"!!!"), "cannot be read"),
    ):
        with pytest.raises(Unusable, match=why):
            read(data)
    by = loaded(root)
    by.check(days())
    for day, why in ((401, "it expired at"), (-2, "not valid before")):
        with pytest.raises(Unusable, match=why):
            by.check(days(day))
