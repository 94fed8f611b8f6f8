"""The certificate that an instance makes for itself."""

import datetime
import ssl

from asn1crypto import pem, x509

from pool_executor.lbmgr.certificates import autocert
from pool_executor.lbmgr.certificates.pem import certificate_problem, facts

NOW = datetime.datetime(2026, 11, 30, 12, 0, tzinfo=datetime.UTC)


def made(*names: str) -> x509.Certificate:
    _, _, der = pem.unarmor(autocert.make("web", names, NOW))
    return x509.Certificate.load(der)


def test_it_is_for_the_pool_and_all_names_and_addresses_of_the_instance() -> None:
    """What is neither a name nor an address is left out, and nothing stands twice."""
    found = facts(autocert.make("web", ("Agent-1.example.com", "10.0.0.1", "::1", "no name", "web", "10.0.0.1"), NOW))
    assert found is not None
    assert (found.subject, found.names) == ("Common Name: web", ("web", "agent-1.example.com", "10.0.0.1", "::1"))


def test_it_is_good_for_ten_years_and_a_key_of_its_own_each_time() -> None:
    """Two pools of one name do not share a serial number."""
    one, other = made(), made()
    assert (one.not_valid_after - NOW).days == 3650
    assert one.not_valid_before < NOW
    assert one.serial_number != other.serial_number > 0
    assert one.public_key.dump() != other.public_key.dump()


def test_openssl_takes_it_and_trusts_it_by_itself() -> None:
    """The key fits, and the signature is right."""
    data = autocert.make("web", (), NOW)
    assert certificate_problem(data) is None
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(cadata=data.decode())
    assert b"PRIVATE KEY" in data


def test_a_year_beyond_2050_is_written_as_x509_wants_it() -> None:
    """UTCTime ends there."""
    late = facts(autocert.make("web", (), NOW.replace(year=2045)))
    assert late is not None
    assert datetime.datetime.fromtimestamp(late.not_after, datetime.UTC).year == 2055
