"""Ordered rules through maps, against the plain definition."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.rendering.routes import ANY_HOST, MapEntry, Routes, build_routes
from scheduler.pools.model import MapRule
from scheduler.pools.routing import Target, mismatch
from sdk.errors import InvalidSpec
from tests.support.routing import reference


def looked_up(routes: Routes, host: str, path: str) -> str | None:
    """What HAProxy does: map_str on the ends of the host, then on the bare host, then on the whole one, then map_beg.

    Should two lines have to be compared, a third one; LookupError when that one's group is gone. Then the rules that
    are tried.
    """
    hosts, paths = dict(routes.hosts), dict(routes.paths)

    def line(group: str) -> str | None:
        key = f"{group}|{path}"
        entries = [entry for entry in paths if key.startswith(entry)]
        return paths[max(entries, key=len)] if entries else None

    labels = host.partition(":")[0].split(".")
    keys = [ANY_HOST, *(f"*.{'.'.join(labels[-count:])}" for count in routes.wildcards if count < len(labels))]
    found = line([hosts[key] for key in (*keys, host.partition(":")[0], host) if key in hosts][-1])
    compared = [] if found is None else [found]
    if found is not None and found.count("|") > 2:
        other = line(found.split("|")[3])
        if other is None:
            raise LookupError(found)
        compared.append(other)
    if found is None or found.startswith("|"):
        target = Target.of(host, path)
        compared += [one.value for one in routes.tried if mismatch(one.rule, target) is None][:1]
    if not compared or not min(compared).startswith("|"):
        return min(compared, default=None)
    return min(compared).split("|")[2] or None


HOSTS = ["a.com", "a.co", "b.com", "b.com:81", "a.com:81", "x.a.com", "y.x.a.com:81"]
NAMED = [*HOSTS, "*.a.com", "*.com", "*.x.a.com"]
PATHS = ["/", "/a", "/ab", "/a/b", "/b", "/abc/d"]
RULES = st.builds(
    MapRule,
    backend=st.sampled_from(["one", "two", "three"]),
    host_eq=st.sampled_from(["", "", *NAMED]),
    path_beg=st.sampled_from(["", *PATHS]),
).filter(lambda rule: rule.has_conditions)
ANY_RULES = st.one_of(
    RULES,
    st.builds(
        MapRule,
        backend=st.sampled_from(["one", "two", "three"]),
        hosts_eq=st.lists(st.sampled_from(NAMED), max_size=3, unique=True).map(tuple),
        host_reg=st.sampled_from(["", "", r"^[ab]\.com", "8[0-9]$"]),
        path_beg=st.sampled_from(["", "", *PATHS]),
        path_end=st.sampled_from(["", "b", "/d"]),
        path_reg=st.sampled_from(["", "", "^/a+b"]),
    ).filter(lambda rule: rule.has_conditions),
)


@given(
    st.lists(ANY_RULES, max_size=10),
    st.sampled_from([*HOSTS, "c.com", "a.com:82", "z.z.a.com", ""]),
    st.sampled_from([*PATHS, "", "/zz"]),
)
def test_the_maps_give_the_first_matching_rule(rules: list[MapRule], host: str, path: str) -> None:
    """Order, AND within a rule, hosts with and without port, paths that contain each other, * and patterns."""
    assert looked_up(build_routes(rules), host, path) == reference(rules, host, path)


def test_an_added_path_changes_the_group_of_its_host_only() -> None:
    """The lines of other groups are the same, and none gets another meaning: a group is named by what it leads to."""
    first = [MapRule(backend="one", host_eq="a.com"), MapRule(backend="two", host_eq="b.com", path_beg="/x")]
    before, after = build_routes(first), build_routes([MapRule(backend="two", host_eq="a.com", path_beg="/y"), *first])
    assert dict(after.hosts)["b.com"] == dict(before.hosts)["b.com"]
    assert {host for host, _ in set(after.hosts) ^ set(before.hosts)} == {"a.com"}
    group = dict(after.hosts)["a.com"]
    assert set(after.paths) - set(before.paths) == {MapEntry(f"{group}|", "one"), MapEntry(f"{group}|/y", "two")}


def test_a_host_that_goes_changes_nothing_for_the_others_of_its_group() -> None:
    """Whichever host it is, also the first by name."""
    rules = [MapRule(backend="one", host_eq=f"{name}.com") for name in "abc"]
    before, after = build_routes(rules), build_routes(rules[1:])
    assert set(before.hosts) - set(after.hosts) == {MapEntry("a.com", dict(before.hosts)["b.com"])}
    assert after.paths == before.paths


@given(st.lists(ANY_RULES, max_size=10), st.lists(ANY_RULES, max_size=10))
def test_a_line_of_a_group_means_the_same_in_every_version(first: list[MapRule], second: list[MapRule]) -> None:
    """So the lines of two versions can stand beside each other while a load balancer goes from one to the other."""
    one, two = dict(build_routes(first).paths), dict(build_routes(second).paths)
    assert [key for key in one.keys() & two.keys() if one[key] != two[key]] == []


def test_hosts_with_equal_rules_share_their_lines() -> None:
    """A thousand hosts of one backend need one path entry."""
    routes = build_routes([MapRule(backend="one", host_eq=f"h{number}.com") for number in range(1000)])
    assert (len(routes.hosts), len(routes.paths)) == (1001, 1)


def test_rules_behind_those_of_a_host_are_not_repeated_for_it() -> None:
    """A pool of many hosts and many rules without a host is as large as its rules."""
    hosts = [MapRule(backend=f"h{number}", host_eq=f"h{number}.example") for number in range(1_100)]
    others = [MapRule(backend=f"p{number}", path_beg=f"/p{number:04}") for number in range(1_100)]
    routes = build_routes([*hosts, *others])
    assert len(routes.hosts) == 1_101
    assert len(routes.paths) == 2_200


def test_rules_before_those_of_hosts_are_not_repeated_for_them_either() -> None:
    """Nor beside them: they have a group of their own, which is looked up beside the host's."""
    hosts = [MapRule(backend=f"h{number}", host_eq=f"h{number}.example", path_beg="/h") for number in range(5_000)]
    others = [MapRule(backend=f"p{number}", path_beg=f"/p{number:04}") for number in range(5_000)]
    for rules in ([*others, *hosts], [*others[:2_500], *hosts, *others[2_500:]]):
        routes = build_routes(rules)
        assert len(routes.hosts) == 5_001
        # A host's line, the one for paths without a rule, and the others with and without their turns.
        assert len(routes.paths) == 5_000 + 5_000 + 5_000 + 5_001


def test_one_more_rule_in_a_row_leaves_all_others_their_turns() -> None:
    """A turn is that of a whole row, so that the lines of other hosts are the same."""
    rules = [MapRule(backend="one", path_beg="/a"), *(MapRule(backend="two", host_eq=f"h{n}.com") for n in range(9))]
    before = build_routes(rules)
    after = build_routes([*rules, MapRule(backend="one", host_eq="a.com")])
    assert set(before.paths) < set(after.paths)
    assert len(after.paths) == len(before.paths) + 1


def test_rules_that_would_be_repeated_too_often_are_refused() -> None:
    """With what to do about it, and without taking long."""
    ports = [MapRule(backend="one", host_eq=f"h.example:{number}") for number in range(1, 1_100)]
    paths = [MapRule(backend=f"p{number}", host_eq="h.example", path_beg=f"/p{number:04}") for number in range(1_100)]
    ports = [replace(rule, path_beg=f"/{rule.host_eq}") for rule in ports]
    with pytest.raises(InvalidSpec, match="more than 200000 lines: split it into several pools"):
        build_routes([*paths, *ports])
