"""From endpoints to the servers that load balancers are told of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.selecting.endpoint import NO_WEIGHT, Endpoint, Kind, said_of, task_endpoints
from api.dcos_template.selecting.servers import OPTIONS, endpoint_of, options_for, server_of
from pool_executor.contract import State, decode_server, encode_server
from scheduler.pools.model import Check
from scheduler.pools.model import Endpoint as Wish
from sdk.errors import CorruptRecord, InvalidSpec
from tests.support.composed import servers_of
from tests.unit.api.dcos_template.pools import address, service, task

HOSTS = st.ip_addresses().map(str) | st.sampled_from(["db.example.com", "localhost"])
ENDPOINTS = st.builds(
    Endpoint,
    st.sampled_from(Kind),
    HOSTS,
    st.integers(1, 65535),
    st.booleans(),
    st.sampled_from(["", "web.1", "\u00e4 b"]),
    st.sampled_from(State),
    st.sampled_from(["", "0123456789ab"]),
    st.integers(NO_WEIGHT, 256),
)


def test_names_are_type_host_and_port() -> None:
    """As operators know them from Edge-LB."""
    assert server_of(Endpoint(Kind.AGENT_IP, "10.0.1.128", 10006), None, ()).name == "agentip_10.0.1.128_10006"


@given(st.lists(ENDPOINTS, max_size=20, unique_by=lambda one: one.name))
def test_every_server_is_one_that_readers_take_and_tells_its_endpoint(found: list[Endpoint]) -> None:
    """With a number of its own in its backend."""
    servers = servers_of(found)
    assert [decode_server(encode_server(server), "s") for server in servers] == servers
    assert len({server.id for server in servers}) == len(servers)
    assert [endpoint_of(server) for server in servers] == sorted(found)


def test_numbers_that_collide_are_told_apart_and_kept() -> None:
    """Two names with one hash: who comes later takes the next number, and keeps it when the first is gone."""
    # Found by search: these names have the same CRC-32.
    first, second = (Endpoint(Kind.AGENT_IP, host, 10000) for host in ("10.1.24.82", "10.7.102.129"))
    one = server_of(first, None, ())
    other = server_of(second, None, {one.id})
    assert other.id == one.id + 1
    assert server_of(second, None, ()).id == one.id
    assert server_of(second._replace(check=False), other, {other.id}).id == other.id


@pytest.mark.parametrize("host", ["::1%x\n    server evil", "a b", "", "x" * 300])
def test_an_endpoint_that_no_line_can_hold_is_refused(host: str) -> None:
    """Whoever let it in."""
    with pytest.raises(CorruptRecord):
        server_of(Endpoint(Kind.CONTAINER_IP, host, 1), None, ())


def test_a_name_is_resolved_by_haproxy() -> None:
    """An address that is a DNS name needs resolvers, and a start that does not wait for them."""
    server = server_of(Endpoint(Kind.ADDRESS, "db.example.com", 80), None, ())
    options = options_for([address("db.example.com", 80)])[server.options]
    assert "resolvers edgelb" in options
    assert "init-addr last,libc,none" in options


def test_each_server_goes_by_what_its_service_says() -> None:
    """And by its weight, which is none of the options: another one is no change of the configuration."""
    heavy = service(Wish(misc_str="weight 20 maxconn 5"), task_name="a")
    light = service(Wish(misc_str="weight 10 maxconn 5", check=Check(enabled=False)), task_name="b")
    plain = service(task_name="c")
    options = options_for([heavy, light, plain, address("db.example.com", 80)], "ssl verify none")
    found = {}
    for one in (heavy, light, plain):
        [endpoint] = task_endpoints(one.endpoint, task("t")).endpoints
        server = server_of(endpoint, None, ())
        found[one.mesos.task_name] = (server.weight, options[server.options])
    assert found == {
        "a": (20, f"{OPTIONS['']} ssl verify none maxconn 5"),
        "b": (10, "ssl verify none maxconn 5"),
        "c": (None, f"{OPTIONS['']} ssl verify none"),
    }
    other = replace(heavy, endpoint=Wish(misc_str="maxconn 5 weight 1"))
    assert options_for([other]) == options_for([heavy])


@pytest.mark.parametrize("text", ["crt /etc/passwd", "weight 1\n    server x 1.2.3.4:1", "$X"])
def test_words_that_are_not_allowed_any_more_stop_the_structure_and_no_server(text: str) -> None:
    """A release may have stored what this one refuses."""
    for wish in (Wish(misc_str=text), Wish(check=Check(custom_str=text))):
        with pytest.raises(InvalidSpec, match=r"endpoint\."):
            options_for([service(wish, task_name="a")])
        assert said_of(wish) == ("", NO_WEIGHT)


def test_a_backend_has_the_options_that_its_servers_can_go_by() -> None:
    """The usual ones always: a server whose key is not known goes by them."""
    assert options_for([]) == {"": OPTIONS[""]}
    unchecked = service(Wish(check=Check(enabled=False)), task_name="t")
    assert options_for([unchecked, address("10.0.0.1", 1)]).keys() == {"", "unchecked"}
