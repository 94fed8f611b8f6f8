"""Labels that nobody means well: whatever they hold, claims hold only what a pool may hold, and nothing raises."""

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from api.auto_pools.labels import read_exposure, unexposed
from api.auto_pools.labels.table import ROWS
from scheduler.pools.schema import PoolSchema, dump_pool
from tests.unit.api.auto_pools.claimed import pool_of
from tests.unit.api.auto_pools.labels.rows import EXAMPLES

names = st.one_of(
    st.sampled_from([f"{row.section}.{row.name}" for row in ROWS]),
    st.text(max_size=12),
    st.sampled_from(["frontend", "backend", "frontend.", "backend.endpoint.trustAnnounced", "frontend.rules.x"]),
)
groups = st.one_of(st.sampled_from(["a", "b", "expose", "_lbmgr", "__default__", "stats", ""]), st.text(max_size=6))
pieces = st.one_of(
    st.sampled_from(
        [",", "|", ":", "\n", "\r\n  bind :1", '"', "'", "\\", "$", "%[env(x)]", "${X}", "#", "{", " ", "\0"]
    ),
    st.sampled_from(sorted({example.text for example in EXAMPLES})),
    st.sampled_from(
        ["hostEq", "pathBeg", "/x", "a.test", "true", "0", "-1", "99999999999999999999", "TCP", "$AUTOCERT"]
    ),
    st.text(max_size=8),
)
texts = st.lists(pieces, max_size=5).map("".join)
labels = st.builds(
    lambda groups_, words: tuple(sorted(({"edgelb.expose": "true"} | words | groups_).items())),
    st.dictionaries(st.builds("edgelb.{}.{}".format, groups, names), texts, max_size=8),
    st.dictionaries(
        st.sampled_from(["edgelb.template", "edgelb.delimiter", "edgelb.item_delimiter", "edgelb.key_delimiter"]),
        st.one_of(texts, st.sampled_from([";", "/", "."])),
        max_size=1,
    ),
)


@settings(max_examples=200)
@given(labels)
def test_whatever_labels_say_a_claim_is_one_of_a_pool(said: tuple[tuple[str, str], ...]) -> None:
    """Each value of a claim is one that the schema of pools takes, in the form in which it takes it."""
    exposure = read_exposure(said)
    assert exposure is not None
    for claim in exposure.claims:
        pool = pool_of(claim)
        assert PoolSchema().load(dump_pool(pool)) == pool
    assert all(text.isprintable() for text in chain.from_iterable(exposure.problems))
    assert unexposed(said) is None


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=6))
def test_no_labels_raise(said: list[tuple[str, str]]) -> None:
    """Whatever their names are."""
    read_exposure(tuple(said))
    unexposed(tuple(said))
