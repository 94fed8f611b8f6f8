"""How many lines of maps are counted against how many there are."""

from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.claims.demand import Conditions, RuleKey
from api.auto_pools.claims.map_lines import MapLines
from api.auto_pools.making.order import of_rule
from api.dcos_template.rendering.routes import build_routes

keys = st.builds(
    lambda host, path, end: RuleKey(80, Conditions(host=host, path_beg=path, path_end=end)),
    st.sampled_from(["", "a.b", "a.b:80", "a.b:81", "*.b", "c.a.b", "*.a.b", "x.y"]),
    st.sampled_from(["", "/p", "/p/q", "/r"]),
    st.sampled_from(["", "", ".js"]),
)


def lines(rules: set[RuleKey]) -> MapLines:
    found = MapLines()
    found.add(rules)
    return found


@given(st.sets(keys, max_size=12), st.sets(keys, max_size=4))
def test_there_are_never_more_lines_than_are_counted(rules: set[RuleKey], gone: set[RuleKey]) -> None:
    """Whatever was there before; lines that say that nothing matches come on top, one for each group."""
    found = lines(rules | gone)
    found.remove(gone - rules)
    ordered = sorted((key.conditions for key in rules), key=lambda one: of_rule(one, 0))
    routes = build_routes([conditions.rule(f"g{at}") for at, conditions in enumerate(ordered)])
    groups = {entry.key.partition("|")[0] for entry in routes.paths}
    assert len(routes.paths) <= found.at_port(80) + len(groups)
    assert found.at_port(80) == lines(rules).at_port(80)
    assert not rules or found.at_port(81) == 0


def test_rules_are_repeated_for_what_a_star_covers() -> None:
    """And not for a host that has all paths for itself."""
    wild = [RuleKey(80, Conditions(host="*.b", path_beg=f"/{at}")) for at in range(10)]
    assert lines({*wild, RuleKey(80, Conditions(host="a.b", path_beg="/"))}).at_port(80) == 10 + 1 + 10
    assert lines({*wild, RuleKey(80, Conditions(host="a.b"))}).at_port(80) == 10 + 1
    assert lines({*wild, RuleKey(80, Conditions(host="a.c", path_beg="/"))}).at_port(80) == 10 + 1
