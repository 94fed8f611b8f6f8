"""The orders that bring HAProxy's maps from one version to another, followed one by one."""

from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from api.dcos_template.rendering.routes import MapEntry, Routes, build_routes
from pool_executor.lbmgr.haproxy.orders import Command, ReplaceMap, Run
from pool_executor.lbmgr.structure.mapfile import edit
from scheduler.pools.model import MapRule
from tests.unit.api.dcos_template.test_routes import NAMED, PATHS, looked_up

HOSTS_MAP, ROUTES_MAP = "hosts-web.map", "routes-web.map"
RULE = st.builds(
    MapRule,
    backend=st.sampled_from(["one", "two", "three"]),
    host_eq=st.sampled_from(["", *NAMED]),
    path_beg=st.sampled_from(["", *PATHS, "/a;b", *(f"/many/{number}" for number in range(60))]),
).filter(lambda rule: rule.has_conditions)
RULES = st.lists(RULE, max_size=80)

Maps = dict[str, dict[str, str]]


def maps_of(routes: Routes) -> Maps:
    return {HOSTS_MAP: dict(routes.hosts), ROUTES_MAP: dict(routes.paths)}


def lines(table: dict[str, str]) -> list[str]:
    return [f"{key} {value}" for key, value in sorted(table.items())]


def orders(before: Maps, after: Maps) -> list[Command]:
    """As `plan` puts them in a row."""
    edits = [edit(name, lines(before[name]), lines(after[name])) for name in sorted(before)]
    return [order for stage in ("first", "then", "last") for one in edits for order in getattr(one, stage)]


def followed(maps: Maps, commands: list[Command]) -> Iterator[Maps]:
    """What HAProxy knows after each order; one that HAProxy would refuse or doubt is a mistake."""
    for command in commands:
        maps = {name: dict(table) for name, table in maps.items()}
        match command:
            case ReplaceMap(name, entries):
                maps[name] = dict(tuple(entry.split(" ", 1)) for entry in entries)  # type: ignore[misc]
            case Run(line):
                verb, what, file, key, *value = line.split()
                table = maps[file.removeprefix("{maps}/")]
                assert what == "map"
                assert (key in table) == (verb != "add"), line
                if verb == "del":
                    del table[key]
                else:
                    (table[key],) = value
        yield maps


TRIED = MapRule(backend="three", host_reg="^b", path_end="b")


@given(RULES, RULES, st.sampled_from([[], [TRIED]]))
@example(
    [MapRule(backend="one", path_beg="/")],
    [MapRule(backend="one", host_eq="b.com", path_beg="/a"), MapRule(backend="one", host_eq="b.com:81")],
    [],
)
@example([], [MapRule(backend="one", host_eq="a.com"), MapRule(backend="two", path_beg="/")], [])
@example([], [MapRule(backend="one", host_eq="x.a.com"), MapRule(backend="two", host_eq="*.a.com")], [])
@example([MapRule(backend="one", host_eq="x.a.com"), MapRule(backend="two", host_eq="*.a.com")], [], [])
def test_at_every_moment_every_request_goes_where_it_went_or_where_it_shall_go(
    first: list[MapRule], second: list[MapRule], tried: list[MapRule]
) -> None:
    """Hosts and paths that no edit touches are never without a backend, and no request sees a rule that never was.

    Rules with patterns are the same before and after: others are a reload.
    """
    before, after = build_routes([*tried, *first]), build_routes([*tried, *second])
    last = maps_of(before)
    for last in followed(maps_of(before), orders(maps_of(before), maps_of(after))):
        hosts, paths = (tuple(MapEntry(*line) for line in last[name].items()) for name in (HOSTS_MAP, ROUTES_MAP))
        now = Routes(hosts, paths, before.tried)
        for host in ("a.com", "b.com", "b.com:81", "c.com", "x.a.com", "z.a.com"):
            for path in ("/", "/abc/d", "/a/b", "/many/11", "/a;b"):
                old, new = looked_up(before, host, path), looked_up(after, host, path)
                assert looked_up(now, host, path) in (old, new)
    assert last == maps_of(after)


def test_one_host_more_is_two_orders_in_a_map_of_thousands() -> None:
    """The work follows the change."""
    rules = [MapRule(backend="one", host_eq=f"h{number}.com", path_beg=f"/{number}") for number in range(5000)]
    more = [MapRule(backend="two", host_eq="aaa.com"), *rules]
    group = dict(build_routes(more).hosts)["aaa.com"]
    assert orders(maps_of(build_routes(rules)), maps_of(build_routes(more))) == [
        Run(f"add map {{maps}}/routes-web.map {group}| two"),
        Run(f"add map {{maps}}/hosts-web.map aaa.com {group}"),
    ]
