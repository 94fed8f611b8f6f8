"""Certificates of frontends, and the files that they come from."""

from typing import Any

import pytest

from scheduler.pools.model import FrontendTls, TlsPolicy
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from tests.support.pools import minimal


def https(certificates: list[str], **changes: object) -> dict[str, Any]:
    shape = minimal(**changes)
    shape["haproxy"]["frontends"][0] |= {"protocol": "HTTPS", "certificates": certificates}
    return shape


def refusal(shape: object) -> str:
    with pytest.raises(InvalidPool) as raised:
        load_pool(shape)
    return str(raised.value)


def test_certificates_keep_their_order() -> None:
    """The first is for clients that ask for no name."""
    names = ["$SECRETS/z.pem", "$AUTOCERT", "$ENVFILE/ELB_FILE_A"]
    shape = https(names, secrets=[{"secret": "z", "file": "z.pem"}], environmentVariables={"ELB_FILE_A": "x"})
    (frontend,) = load_pool(shape).haproxy.frontends
    assert frontend.certificates == tuple(names)
    assert frontend.tls == FrontendTls(policy=TlsPolicy.INTERMEDIATE, http2=True)


@pytest.mark.parametrize(
    ("certificates", "message"),
    [
        ([], "certificates: is empty, and protocol HTTPS needs a certificate: name one, for example $AUTOCERT"),
        (["$SECRETS/a"], "certificates[0]: $SECRETS/a invalid: is brought by no secret: list one with the file a"),
        (["$ENVFILE/ELB_FILE_A"], "invalid: is not there: set ELB_FILE_A in pool.environmentVariables"),
        (["/etc/ssl/a.pem"], "invalid: must be $SECRETS/<file of a secret>, $ENVFILE/ELB_FILE_<NAME> or $AUTOCERT"),
        (["$ENVFILE/A"], "must be $SECRETS/<file of a secret>, $ENVFILE/ELB_FILE_<NAME> or $AUTOCERT"),
        (["$SECRETS/a b"], "must be $SECRETS/<file of a secret>"),
    ],
)
def test_a_certificate_that_cannot_come_is_refused_by_its_path(certificates: list[str], message: str) -> None:
    """And the message says what to do."""
    assert refusal(https(certificates)).startswith("pool.haproxy.frontends[0].certificates")
    assert message in refusal(https(certificates))


def test_an_automatic_certificate_needs_no_other_word() -> None:
    """`autoCertificate` may be left out."""
    assert not load_pool(https(["$AUTOCERT"])).auto_certificate


def test_a_pool_knows_whether_its_instances_show_a_certificate_of_their_own() -> None:
    """To clients, or to servers."""
    shown = minimal()
    shown["haproxy"]["backends"][0] |= {"protocol": "HTTPS", "tls": {"certificate": "$AUTOCERT"}}
    assert load_pool(https(["$AUTOCERT"])).has_own_certificate
    assert load_pool(shown).has_own_certificate
    assert not load_pool(minimal()).has_own_certificate


def test_two_secrets_do_not_share_a_file() -> None:
    """The later one is named."""
    secrets = [{"secret": "a", "file": "x"}, {"secret": "b", "file": "x"}]
    assert "pool.secrets[1].file: x invalid: is also the file of pool.secrets[0]" in refusal(minimal(secrets=secrets))
