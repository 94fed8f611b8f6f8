"""From a pool to the HAProxy model and its text."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.build import SHARDS, build_config, build_servers, endpoint_of, file_slug, shard_of
from api.dcos_template.endpoint import Endpoint, Kind
from api.dcos_template.model import Backend, Bind, Config, Frontend, MapFile, Mode, Routing
from api.dcos_template.rendering import Rendering, difference, render_pool, update_endpoints
from api.dcos_template.routes import MapEntry
from api.dcos_template.text import render
from pool_executor.bundle import Server, parse_server, skeleton, split_servers
from scheduler.pools.model import MapRule
from sdk.errors import InvalidSpec
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

WEB = pool(
    "web",
    frontend("web", "app", MapRule(backend="api", host_eq="a.example.com")),
    backend("app", service(task_name="app")),
    backend("api", service(task_name="api")),
)
HOSTS = st.tuples(st.integers(0, 255), st.integers(0, 3)).map(lambda ab: f"10.0.{ab[0]}.{ab[1]}")
ENDPOINTS = st.lists(
    st.builds(Endpoint, st.sampled_from(Kind), HOSTS, st.integers(1, 65535), st.booleans()), max_size=20
)


def unique(endpoints: list[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple({endpoint[:3]: endpoint for endpoint in endpoints}.values())


class TestServers:
    def test_names_are_type_host_and_port(self) -> None:
        """As operators know them from Edge-LB."""
        (server,) = build_servers([Endpoint(Kind.AGENT_IP, "10.0.1.128", 10006)])
        assert server.name == "agentip_10.0.1.128_10006"

    @given(ENDPOINTS)
    def test_every_line_is_one_that_lbmgr_understands_with_a_number_of_its_own(self, found: list[Endpoint]) -> None:
        """The contract's server line, and unique ids within the backend."""
        servers = build_servers(unique(found))
        assert [parse_server(server.line()) for server in servers] == list(servers)
        assert len({server.id for server in servers}) == len(servers)
        assert len({server.name for server in servers}) == len(servers)

    @given(ENDPOINTS)
    def test_a_server_of_a_task_tells_its_endpoint(self, found: list[Endpoint]) -> None:
        """Also when its number had to be another one; a fixed address is no task's."""
        endpoints = unique(found)
        expected = {one for one in endpoints if one.kind is not Kind.ADDRESS}
        assert {end for server in build_servers(endpoints) if (end := endpoint_of(server))} == expected

    def test_numbers_that_collide_are_told_apart_in_the_same_way_every_time(self) -> None:
        """Two names with one hash: the later one moves on, whatever the order of the input."""
        # Found by search: these names have the same CRC-32.
        hosts = ("10.1.24.82", "10.7.102.129")
        endpoints = [Endpoint(Kind.AGENT_IP, host, 10000) for host in hosts]
        assert len({build_servers([endpoint])[0].id for endpoint in endpoints}) == 1
        first = build_servers(endpoints)
        assert len({server.id for server in first}) == 2
        assert all(build_servers(order) == first for order in permutations(endpoints))

    def test_an_endpoint_that_no_line_can_hold_costs_only_itself(self) -> None:
        """Whoever let it in."""
        good, bad = Endpoint(Kind.AGENT_IP, "10.0.0.1", 1), Endpoint(Kind.CONTAINER_IP, "::1%x\n    server evil", 1)
        (server,) = build_servers([good, bad])
        assert server.name == "agentip_10.0.0.1_1"
        rendering = render_pool(WEB, {"app": (good, bad)})
        assert rendering.unwritable == {"app": (bad,)}
        assert update_endpoints(rendering, {"app": (good,)})[0].unwritable == {}
        assert update_endpoints(rendering, {"api": (bad,)})[0].unwritable == {"app": (bad,), "api": (bad,)}

    def test_a_name_is_resolved_by_haproxy(self) -> None:
        """An address that is a DNS name needs resolvers, and a start that does not wait for them."""
        (server,) = build_servers([Endpoint(Kind.ADDRESS, "db.example.com", 80)])
        assert "resolvers edgelb" in server.options
        assert "init-addr last,libc,none" in server.options


class TestText:
    def test_the_order_of_the_input_does_not_matter(self) -> None:
        """Same state, same bytes."""
        shuffled = pool(
            "web",
            *reversed(WEB.haproxy.backends),
            *reversed(WEB.haproxy.frontends),
        )
        endpoints = (Endpoint(Kind.AGENT_IP, "10.0.0.1", 1), Endpoint(Kind.AGENT_IP, "10.0.0.2", 1))
        first = render(build_config(WEB, {"app": endpoints}))
        second = render(build_config(shuffled, {"app": tuple(reversed(endpoints))}))
        assert first == second

    def test_a_duplicate_backend_is_printed_once(self) -> None:
        """Tolerated in the input, fatal to HAProxy."""
        texts = render(build_config(pool("web", frontend("web", "app"), backend("app"), backend("app")), {}))
        assert sum(text.text.count("backend app from") for text in texts.values()) == 1

    def test_equal_skeletons_differ_only_in_servers(self) -> None:
        """What lbmgr relies on: endpoints alone never change a skeleton."""
        before = render(build_config(WEB, {}))
        after = render(build_config(WEB, {"app": (Endpoint(Kind.AGENT_IP, "10.0.0.1", 1),)}))
        assert {name: text.part.skeleton for name, text in before.items()} == {
            name: text.part.skeleton for name, text in after.items()
        }
        assert before != after

    def test_every_server_line_is_found_again_by_lbmgr(self) -> None:
        """The text's form is the contract's form."""
        endpoints = tuple(Endpoint(Kind.AGENT_IP, "10.0.0.1", port) for port in range(1, 20))
        text = render(build_config(WEB, {"app": endpoints}))[shard_of("app")].text
        (section,) = split_servers(text)
        assert section.servers == build_servers(endpoints)
        assert skeleton(text) != skeleton(text.replace("balance", "# balance"))

    def test_backends_are_spread_over_at_most_sixty_four_files(self) -> None:
        """Whatever their number, and each always into the same file."""
        assert len({shard_of(f"b{number}") for number in range(5000)}) == SHARDS

    @given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
    def test_map_files_of_different_frontends_have_different_names(self, one: str, other: str) -> None:
        """Names that differ only in case or in odd characters too."""
        assert (file_slug(one) == file_slug(other)) == (one == other)


class TestIncremental:
    @given(st.lists(st.dictionaries(st.sampled_from(["app", "api"]), ENDPOINTS, max_size=2), max_size=5))
    def test_changes_give_the_same_bytes_as_starting_again(self, steps: list[dict[str, list[Endpoint]]]) -> None:
        """A file that was not touched would have come out the same."""
        state: dict[str, tuple[Endpoint, ...]] = {}
        rendering = render_pool(WEB, {})
        for step in steps:
            changed = {name: unique(found) for name, found in step.items()}
            state |= changed
            before = rendering
            rendering, found = update_endpoints(rendering, changed)
            assert found == difference(before, rendering)
        assert rendering.texts == render_pool(WEB, state).texts

    def test_untouched_files_are_the_same_objects(self) -> None:
        """The cost follows the change."""
        before = render_pool(WEB, {})
        after, _ = update_endpoints(before, {"app": (Endpoint(Kind.AGENT_IP, "10.0.0.1", 1),)})
        assert changed_files(before, after) == {shard_of("app")}


def changed_files(before: Rendering, after: Rendering) -> set[str]:
    return {name for name, text in after.texts.items() if text is not before.texts[name]}


BIND = Bind(address="0.0.0.0", variable="PORT_WEB")
EVIL = ["", "a b", "a\nb", 'a"b', "a$b", "${X}", "a#b", "a\\b", "a'b", "ä", "a{b", "_lbmgr", "x" * 200]


class TestModel:
    @pytest.mark.parametrize("name", EVIL)
    def test_no_name_breaks_out_of_its_line(self, name: str) -> None:
        """Line breaks, quotes, variables, comments and lbmgr's own name are refused by the model itself."""
        with pytest.raises(InvalidSpec):
            Frontend(name=name, mode=Mode.HTTP, bind=BIND)
        with pytest.raises(InvalidSpec):
            Backend(name=name, mode=Mode.HTTP)

    @pytest.mark.parametrize("balance", ["", "roundrobin\n", "x;y", 'hdr("a")', "roundrobin #", "$x"])
    def test_no_balance_breaks_out_of_its_line(self, balance: str) -> None:
        """The algorithm is a word with plain arguments."""
        with pytest.raises(InvalidSpec):
            Backend(name="app", mode=Mode.HTTP, balance=balance)

    @pytest.mark.parametrize("word", ["", "a b", "a\nb", "#a", "ä", "a\tb"])
    def test_no_map_entry_breaks_out_of_its_line(self, word: str) -> None:
        """Map files are split at spaces and have comments."""
        with pytest.raises(InvalidSpec):
            MapFile(name="hosts-web.map", entries=(MapEntry(word, "app"),))

    @pytest.mark.parametrize("address", ["", "1.2.3", "a b", "[::1]", "*", "${X}"])
    def test_a_bind_address_is_an_ipv4_address_or_a_name(self, address: str) -> None:
        """As documented: no `*`, no brackets."""
        with pytest.raises(InvalidSpec):
            Bind(address=address, variable="PORT_WEB")

    @pytest.mark.parametrize("options", ["check\n    server evil 1.1.1.1:1", "check # x", 'check "x"'])
    def test_no_option_breaks_out_of_its_line(self, options: str) -> None:
        """A server is what lbmgr reads back as the same server."""
        with pytest.raises(InvalidSpec):
            Backend(
                name="app",
                mode=Mode.HTTP,
                servers=(Server(name="s", address="10.0.0.1", port=1, id=1, options=options),),
            )

    def test_a_frontend_refers_only_to_backends_of_its_mode_that_exist(self) -> None:
        """HAProxy would find neither in a map."""
        routing = Routing(
            hosts=MapFile(name="hosts-web.map", entries=()),
            paths=MapFile(name="paths-web.map", entries=(MapEntry("*|/", "db"),)),
            ports_in_hosts=False,
        )
        web = Frontend(name="web", mode=Mode.HTTP, bind=BIND, routing=routing)
        for backends in ((), (Backend(name="db", mode=Mode.TCP),)):
            with pytest.raises(InvalidSpec, match="frontend web"):
                Config(pool="p", stats=BIND, stats_for_other_hosts=False, frontends=(web,), backends=backends, ports={})
