"""The file of the users: what it says, and every mistake in it as the end of a sentence."""

import pytest

from api.users.user import Role, User
from api.users.users_file import BadUsers, parse_users

HASH = "pbkdf2:sha256:1$s3cret$00ff"
TOKEN = "sha256:" + "a" * 64
GOOD = f"""
[ops]
role = "admin"
password = "{HASH}"

[alice]
role = "operator"
pools = ["shop-*", "web"]
password = "{HASH}"
tokens = ["{TOKEN}"]

["grafana@example.com"]
role = "reader"
tokens = ["sha256:{"b" * 64}", "sha256:{"c" * 64}"]
"""


def test_each_table_is_a_user() -> None:
    """With the hashes of what he shows."""
    entries = parse_users(GOOD)
    assert [entry.user for entry in entries] == [
        User(name="ops", role=Role.ADMIN),
        User(name="alice", role=Role.OPERATOR, pools=("shop-*", "web")),
        User(name="grafana@example.com", role=Role.READER),
    ]
    assert [(entry.password, len(entry.tokens)) for entry in entries] == [(HASH, 0), (HASH, 1), (None, 2)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no user"),
        ("# nobody\n", "names no user"),
        ("[ops\n", "is not TOML: .*line 1"),
        ("ops:s3cret\n", "holds lines user:password, as it did before there were roles; make a table of each user"),
        (f"\n# ours\n\nops:{HASH}\n", "holds lines user:password"),
        ("ops:s3cret=\n", "holds lines user:password"),
        (f"[ops]\nrole = {'1' * 5000}\n", "is not TOML"),
        ("[ops]\n[ops]\n", "is not TOML"),
        ('ops = "s3cret"\n', "has ops outside of a user's table"),
        ('["a:b"]\nrole = "admin"\n', "has a user 'a:b', whose name must be"),
        ('[""]\nrole = "admin"\n', "has a user '', whose name must be"),
        (f'[ops]\npassword = "{HASH}"\n', "must say ops.role: reader, operator, admin"),
        (f'[ops]\nrole = "root"\npassword = "{HASH}"\n', "must say ops.role"),
        (f'[ops]\nrole = ["admin"]\npassword = "{HASH}"\n', "must say ops.role"),
        ('[ops]\nrole = "admin"\n', "gives ops neither a password nor tokens"),
        ('[ops]\nrole = "admin"\npassword = "s3cret"\n', "has a ops.password that is no hash of one; edgelb user"),
        ('[ops]\nrole = "admin"\npassword = 5\n', "has a ops.password that is no hash"),
        ('[ops]\nrole = "admin"\ntokens = ["s3cret"]\n', "has one of ops.tokens that is no hash"),
        (f'[ops]\nrole = "admin"\ntokens = "{TOKEN}"\n', "has ops.tokens that is no list of texts"),
        (f'[ops]\nrole = "admin"\ntokens = ["{TOKEN}"]\npools = ["*"]\n', "has ops.pools, which only an operator has"),
        (f'[ops]\nrole = "operator"\ntokens = ["{TOKEN}"]\n', "must say ops.pools"),
        (f'[ops]\nrole = "operator"\ntokens = ["{TOKEN}"]\npools = []\n', "must say ops.pools"),
        (f'[ops]\nrole = "operator"\ntokens = ["{TOKEN}"]\npools = ["A[bc]"]\n', "has ops.pools that are not"),
        (f'[ops]\nrole = "admin"\ntokens = ["{TOKEN}"]\nsecret = "s3cret"\n', "has ops.secret, which is not known"),
        (
            f'[a]\nrole = "reader"\ntokens = ["{TOKEN}"]\n[b]\nrole = "admin"\ntokens = ["{TOKEN}"]\n',
            "gives the same token twice",
        ),
        ("a = " + "[" * 5000 + "\n", "is not TOML"),
    ],
)
def test_a_mistake_is_told_without_what_nobody_may_see(text: str, why: str) -> None:
    """With the user and the field; never a value of a password or a token."""
    with pytest.raises(BadUsers, match=why) as refused:
        parse_users(text)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "pool", "his"),
    [
        ("*", "web", True),
        ("web", "web", True),
        ("web", "web2", False),
        ("shop-*", "shop-web", True),
        ("shop-*", "shop-", True),
        ("shop-*", "shop", False),
        ("*-web", "shop-web", True),
        ("a*b*c", "axxbxxc", True),
        ("a*b*c", "axxcxxb", False),
        ("web", "web\n", False),
    ],
)
def test_an_operator_changes_the_pools_that_fit_his_patterns(pattern: str, pool: str, his: bool) -> None:
    """And nothing else; a reader changes none, an admin all."""
    assert User(name="o", role=Role.OPERATOR, pools=("other", pattern)).may_change(pool) is his
    assert not User(name="r", role=Role.READER).may_change(pool)
    assert User(name="a", role=Role.ADMIN).may_change(pool)


def test_a_long_name_is_compared_as_any_other() -> None:
    """A URL may name a pool of many letters: with each place of each star tried, this would not end."""
    assert not User(name="o", role=Role.OPERATOR, pools=("*-*-*-*-x",)).may_change("-" * 100_000)
