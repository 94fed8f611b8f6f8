"""The structure: its head is read back, and the servers of backends are placed below their markers."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pool_executor.contract import (
    BackendFacts,
    Needs,
    Part,
    Server,
    State,
    Structure,
    compose,
    decode_structure,
    encode_structure,
    marker_line,
    markers,
    server_line,
)
from sdk.errors import CorruptRecord

FACTS = BackendFacts(backend="web", options={"": "check inter 5s", "plain": ""}, dynamic_cookie=True)
TEXT = f"backend web from edgelb-http\n    balance roundrobin\n{marker_line(FACTS)}\n"


def head() -> Structure:
    needs = Needs(ports={"PORT_WEB": "web"}, certificates=("secrets/web.pem",), authorities=("envfile/ELB_FILE_CA",))
    servers = Needs(authorities=("system/authorities.pem",), identities=("autocert/autocert.pem",))
    hosts = {"secrets/web.pem": ("web.test", "*.web.test", "!a.web.test")}
    listener = Part.of("20-frontend-web.cfg", "config", TEXT, "web", replace(needs, one_is_enough=True, hosts=hosts))
    other = Part.of("21-frontend-other.cfg", "config", TEXT, "other", needs)
    routes = Part.of("hosts-web.map", "map", "")
    backends = Part.of("30-backends-00.cfg", "config", TEXT, needs=servers)
    parts = {part.name: part for part in (listener, other, routes, backends)}
    return Structure(pool="web", pool_uid="u1", pool_version=4, epoch=3, version=17, parts=parts, stamps={"pool": 2.0})


def test_a_head_is_read_back() -> None:
    assert decode_structure(encode_structure(head())) == head()


def test_servers_stand_below_their_marker() -> None:
    server = Server("agentip_10.0.0.1_80", "10.0.0.1", 80, 7)

    def lines(facts: BackendFacts) -> Iterator[str]:
        assert facts == FACTS
        yield server_line(server, facts.options)

    expected = TEXT + "    server agentip_10.0.0.1_80 10.0.0.1:80 id 7 check inter 5s\n"
    assert compose(TEXT, lines) == expected
    assert list(markers(expected)) == [FACTS]


@pytest.mark.parametrize(
    ("server", "line"),
    [
        (Server("a", "::1", 80, 7), "    server a [::1]:80 id 7 check inter 5s"),
        (Server("a", "10.0.0.1", 80, 7, options="plain"), "    server a 10.0.0.1:80 id 7"),
        (Server("a", "10.0.0.1", 80, 7, options="unknown"), "    server a 10.0.0.1:80 id 7 check inter 5s"),
        (Server("a", "10.0.0.1", 80, 7, weight=5), "    server a 10.0.0.1:80 id 7 check inter 5s weight 5"),
        (Server("a", "10.0.0.1", 80, 7, "t", 5, State.DRAIN), "    server a 10.0.0.1:80 id 7 check inter 5s weight 0"),
        (Server("a", "10.0.0.1", 80, 7, "t", None, State.MAINT, "plain"), "    server a 10.0.0.1:80 id 7 disabled"),
    ],
)
def test_the_line_of_a_server(server: Server, line: str) -> None:
    assert server_line(server, FACTS.options) == line


@pytest.mark.parametrize(
    "options", ['"check\\n    server evil"', '"check; shutdown sessions"', '"a \\"b\\""', '"$HOME"', "7", '"\\\\x"']
)
def test_a_marker_holds_nothing_that_is_more_than_options(options: str) -> None:
    line = f'    # servers of web {{"options":{{"":{options}}},"takesServers":true,"dynamicCookie":false}}'
    with pytest.raises(CorruptRecord, match=r"the marker of web|options"):
        list(markers(line))


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("../etc/passwd.cfg", {}, "is not a name a part may have"),
        ("00-instance.cfg", {}, "is not a name a part may have"),
        ("10-global.map", {}, "does not end in .cfg"),
        ("10-global.cfg", {"kind": "certificate"}, "it is one of config, map"),
        ("10-global.cfg", {"needs": {"ports": {"PATH": "web"}}}, "is not a port variable"),
        (
            "10-global.cfg",
            {"needs": {"ports": {}, "authorities": ["secrets/../a"]}},
            r"authorities\[0\]: is .* it must be <one of",
        ),
        (
            "10-global.cfg",
            {"needs": {"ports": {}, "authorities": ["etc/passwd"]}},
            "it must be <one of secrets, envfile",
        ),
        ("10-global.cfg", {"needs": {"ports": {}, "hosts": {"secrets/a": ["a.test"]}}}, r"hosts.secrets/a: is none of"),
        (
            "10-global.cfg",
            {"needs": {"ports": {}, "certificates": ["secrets/a"], "hosts": {"secrets/a": ["a\n/etc/b"]}}},
            r"hosts.secrets/a: has .*, which is no host",
        ),
        ("10-global.cfg", {"needs": {"ports": {}, "certificates": ["web.pem"]}}, r"certificates\[0\]: is 'web.pem'"),
        ("10-global.cfg", {"sha256": "x"}, "a sha256"),
        ("10-global.cfg", {"size": -1}, "an integer of at least 0"),
    ],
)
def test_what_is_no_head_is_refused_with_its_place(name: str, entry: dict[str, object], message: str) -> None:
    value = json.loads(encode_structure(head()))
    value["parts"] = {name: {"kind": "config", "sha256": "ab" * 32, "size": 1} | entry}
    with pytest.raises(CorruptRecord, match=message):
        decode_structure(json.dumps(value).encode())
