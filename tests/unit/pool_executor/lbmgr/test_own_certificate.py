"""The certificate of the instance itself: whose signature it shows, and when that changes."""

import datetime
from pathlib import Path

import pytest

from pool_executor.contract.secrets import SecretFile
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.own_certificate import OwnCertificate
from pool_executor.lbmgr.certificates.pem import certificate_problem, facts
from tests.support.autocert import signed_for
from tests.support.tls import authority

FILE = "autocert/autocert.pem"


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return Material(tmp_path / "material")


@pytest.fixture
def own(material: Material) -> OwnCertificate:
    return OwnCertificate(material, "shop", ("host", "10.0.0.1"))


def answer(data: bytes | None = None, *, same: bool = False, trouble: str | None = None) -> SecretFile:
    return SecretFile(file="autocert.pem", data=data, same=same, trouble=trouble)


def test_it_signs_itself_until_somebody_else_does(own: OwnCertificate, material: Material, tmp_path: Path) -> None:
    """With one key, and says who signed."""
    alone = own.content()
    assert own.content() == alone
    before = facts(alone)
    assert before is not None
    assert before.issuer == before.subject == "Common Name: shop"
    chain = signed_for(own, authority(tmp_path, "ca"), "shop", "host")
    own.take(answer(chain))
    assert own.content().startswith(chain)
    assert certificate_problem(own.content()) is None
    assert own.content()[len(chain) :] in alone
    after = facts(own.content())
    assert after is not None
    assert after.issuer == "Common Name: ca"
    assert material.get(FILE) == own.content()
    own.take(answer(same=True))
    assert own.chain() == chain
    own.take(None)
    assert material.get(FILE) == own.content() == alone


def test_what_cannot_be_used_changes_nothing(own: OwnCertificate, material: Material, tmp_path: Path) -> None:
    """A certificate of another key, and no certificate; the trouble says so."""
    ca = authority(tmp_path, "ca")
    other = OwnCertificate(Material(tmp_path / "other"), "shop", ())
    for data, why in (
        (signed_for(other, ca, "shop"), "it is for another key"),
        (b"nothing", "it is no certificate"),
    ):
        own.take(answer(data))
        assert own.chain() is None
        assert material.trouble(FILE) == f"what an authority signed cannot be used: {why}; it signs itself"
    chain = signed_for(own, ca, "shop")
    own.take(answer(chain))
    assert material.trouble(FILE) is None
    own.take(answer(trouble="the authority is away"))
    assert own.chain() == chain
    assert material.trouble(FILE) == "the authority is away; the last one stays"


def test_what_an_authority_signed_ends_with_its_time(material: Material, tmp_path: Path) -> None:
    """While nobody renews it, the instance signs itself again."""
    now = datetime.datetime.now(datetime.UTC)
    own = OwnCertificate(material, "shop", (), lambda: now)
    alone = own.content()
    chain = signed_for(own, authority(tmp_path, "ca"), "shop")
    own.take(answer(chain))
    assert own.chain() == chain
    now += datetime.timedelta(days=2)
    assert own.chain() is None
    assert material.get(FILE) == alone
    assert material.trouble(FILE) == "what its authority signed has expired; it signs itself"
    own.take(answer(chain))
    assert own.chain() is None
    assert "it has expired; it signs itself" in (material.trouble(FILE) or "")


def test_what_came_first_is_not_overwritten_by_what_was_made_meanwhile(material: Material) -> None:
    """lbmgr asks for the content while the conversation brings a newer one."""
    material.fill("autocert", {"autocert.pem": b"signed"})
    material.fill_first("autocert", {"autocert.pem": b"by itself"})
    assert material.get(FILE) == b"signed"
