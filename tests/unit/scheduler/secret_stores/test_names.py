"""Names of secrets and which of them a pool may have."""

import pytest

from scheduler.secret_stores.names import DEFAULT_PATTERNS, allowed, pattern_problem, plain, problem


@pytest.mark.parametrize("name", ["web", "web/cert.pem", "a/b-c/d_e", "web/cert#pem", "0", "Cert.2026"])
def test_names_that_can_be(name: str) -> None:
    """As DC/OS and Vault have them."""
    assert problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "..", "a/../b", "a//b", "a/", ".hidden", "-x", "a b", "a\n", "a\n/b", "a?b", "a%2e%2e", "ü"),
        *("a#", "a#b#c", "a#b/c"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    """They become paths and URLs."""
    assert problem(name) is not None


def test_a_name_has_an_end() -> None:
    """Also one that is well formed."""
    assert problem("x" * 512) is None
    assert problem("x" * 513) is not None


def test_a_slash_in_front_is_no_part_of_the_name() -> None:
    """DC/OS' own tools write it."""
    assert plain("/web/cert") == "web/cert"


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("cert", True),
        ("cert#pem", True),
        ("shop/cert", True),
        ("dcos-edgelb/cert", True),
        ("dcos-edgelb/pools/cert", True),
        ("dcos-edgelb/pools/shop/cert", True),
        ("dcos-edgelb/pools/other/cert", False),
        ("other/cert", False),
        ("shop/deep/cert", False),
        ("finance/db-password", False),
    ],
)
def test_what_the_pool_shop_may_have_unless_told_otherwise(name: str, may: bool) -> None:
    """What DC/OS would give to its service, and its own folder."""
    assert allowed(name, "shop", DEFAULT_PATTERNS) is may


def test_patterns_of_the_operator() -> None:
    """`*` is one name, never a slash."""
    assert allowed("tls/a/b", "shop", ["tls/*/*"])
    assert not allowed("tls/a/b", "shop", ["tls/*"])
    assert not allowed("anything", "shop", [])
    for bad in ("", "/*", "a//b", "**", "a*", "{name}", "../*"):
        assert pattern_problem(bad) is not None
    for good in ("*", "*/*", "{pool}/*", "a/{pool}", "a-b/c.d"):
        assert pattern_problem(good) is None
