"""What files of certificates hold, and why they are of no use."""

import datetime

import pytest

from pool_executor.lbmgr.certificates import autocert, pem

NOW = datetime.datetime.now(datetime.UTC)
GOOD = autocert.make("web", ("web.test",), NOW)
OTHER = autocert.make("other", (), NOW)
CERTIFICATE, KEY = GOOD.split(b"-----BEGIN PRIVATE KEY-----")
KEY = b"-----BEGIN PRIVATE KEY-----" + KEY


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (GOOD, None),
        (KEY + CERTIFICATE, None),
        (b"# comment\n\n" + GOOD + b"\n\n", None),
        (b"", "it holds no certificate in PEM"),
        (b"\xff\x00", "it holds no certificate in PEM"),
        (CERTIFICATE, "it holds no private key: put it behind the certificate"),
        (OTHER.split(b"-----BEGIN PRIV")[0] + KEY, "its key is not that of its first certificate"),
        (CERTIFICATE + KEY.replace(b" PRIVATE", b" ENCRYPTED PRIVATE"), "its key is encrypted, and nobody is there"),
        (GOOD.replace(b"MII", b"AAA"), "it cannot be read"),
    ],
)
def test_a_certificate_is_judged_before_haproxy_sees_it(data: bytes, problem: str | None) -> None:
    """The sentence holds nothing of the file."""
    found = pem.certificate_problem(data)
    assert found is None if problem is None else str(found).startswith(problem)


@pytest.mark.parametrize(
    ("data", "good"), [(GOOD, True), (CERTIFICATE * 2, True), (KEY, False), (b"", False), (b"\xff", False)]
)
def test_certificates_that_judge_others_need_no_key(data: bytes, good: bool) -> None:
    """One or more certificates."""
    assert (pem.authority_problem(data) is None) is good


def test_facts_are_those_of_the_first_certificate() -> None:
    """And none of what cannot be read."""
    found = pem.facts(OTHER + GOOD)
    assert found is not None
    assert found.subject == "Common Name: other"
    assert pem.facts(b"") is pem.facts(CERTIFICATE.replace(b"MII", b"AAA")) is None


def test_the_lines_for_haproxy_are_those_of_the_blocks() -> None:
    """An empty line would end the order."""
    lines = pem.lines(b"subject=web\n\n" + CERTIFICATE.replace(b"\n", b"\r\n") + b"\n\nkey:\n" + KEY)
    assert lines == (CERTIFICATE + KEY).decode().splitlines()


def test_what_no_reader_expects_is_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody's bytes must not end what asks for them."""
    monkeypatch.setattr("asn1crypto.x509.Certificate.load", lambda *_, **__: [][0])
    assert pem.facts(GOOD) is None
