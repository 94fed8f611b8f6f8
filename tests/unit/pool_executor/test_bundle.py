"""The bundle: names, server lines, skeletons, parts as nodes, and JSON that is read strictly."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool_executor.bundle import (
    BackendHealth,
    Death,
    HaproxyInfo,
    Head,
    InstanceStatus,
    Part,
    Server,
    decode_head,
    decode_part,
    decode_status,
    encode_head,
    encode_part,
    encode_status,
    parse_server,
    port_key,
    port_variable,
    skeleton,
    split_servers,
)
from sdk.errors import CorruptRecord

TEXT = """# a comment
backend one
    balance roundrobin
    server a 10.0.0.1:80 id 7 check weight 3
    server b [::1]:8080 id 8
backend two from base
    server a 10.0.0.1:81 id 9
"""
HEAD = Head(
    pool="web",
    epoch=3,
    version=17,
    pool_version=4,
    pool_uid="3f6a",
    task_revision=912,
    ports={"PORT_WEB": "web"},
    parts={
        "10-global.cfg": Part.of("10-global.cfg", "config", TEXT),
        "hosts.map": Part.of("hosts.map", "map", "a b\n"),
    },
)
STATUS = InstanceStatus(
    task_id="t",
    pod="edgelb-pool-0",
    hostname="agent1",
    addresses=("10.0.0.1",),
    public=(),
    ports={"web": 80},
    epoch=3,
    version=17,
    verdict="applied",
    action="dynamic",
    reason="2 servers added",
    error=None,
    rejected_version=None,
    healthy=True,
    since=1764000000.0,
    haproxy=HaproxyInfo(version="2.6.12", master=4242, workers=(4243,)),
    counters={"dynamic": 12},
    leaving=True,
    short=(BackendHealth(name="app", servers=2, up=0, reason="Connection refused"),),
    deaths=(Death(at=1764000000.5, how="was ended by SIGKILL"),),
)


def test_a_port_key_is_upper_case_with_underscores() -> None:
    """`web-https` is used as PORT_WEB_HTTPS."""
    assert port_key("web-https") == "WEB_HTTPS"
    assert port_variable("web-https") == "PORT_WEB_HTTPS"


@given(st.lists(st.text("abAB0-_.é", min_size=1, max_size=4), min_size=2, max_size=2, unique=True))
def test_no_two_names_share_a_port_key(names: list[str]) -> None:
    """Names that differ only in case or punctuation get different variables, each a legal variable name."""
    keys = {port_key(name) for name in names}
    assert len(keys) == 2
    assert all(key.isascii() and key.replace("_", "A").isalnum() and key.upper() == key for key in keys)


def test_a_server_line_is_read_and_printed_alike() -> None:
    """Name, address (IPv6 too), port, id and options survive."""
    line = "    server b [::1]:8080 id 8 check inter 2s sni req.hdr(host)"
    server = parse_server(line)
    assert server == Server(name="b", address="[::1]", port=8080, id=8, options="check inter 2s sni req.hdr(host)")
    assert server.line() == line


@pytest.mark.parametrize(
    "line",
    [
        "    server a 10.0.0.1:80 check",
        "   server a 10.0.0.1:80 id 1",
        "    server a 10.0.0.1:80 id 0",
        "    server a 10.0.0.1:80 id 2147483648",
        "    server a 10.0.0.1:99999 id 1",
        "    server a 10.0.0.1:80 id 1 ",
        "    server a 10.0.0.1:80 id 1 ;del",
        '    server a 10.0.0.1:80 id 1 "x"',
        "    server a ${HOST}:80 id 1",
        "    server a;b 10.0.0.1:80 id 1",
        "    server a 10.0.0.1:80 id 1\r",
    ],
)
def test_what_haproxy_would_unquote_or_expand_is_no_server_line(line: str) -> None:
    """Anything outside the narrow form belongs to the skeleton, so that its change is a reload."""
    assert parse_server(line) is None
    assert skeleton(f"backend x\n{line}\n") != skeleton("backend x\n")


def test_servers_are_split_from_their_sections() -> None:
    """Sections keep their order, their other lines and where they inherit from."""
    one, two = split_servers(TEXT)
    assert (one.kind, one.name, one.base, one.lines) == ("backend", "one", "", ("    balance roundrobin",))
    assert [server.name for server in one.servers] == ["a", "b"]
    assert (two.name, two.base, [server.port for server in two.servers]) == ("two", "base", [81])


def test_skeletons_are_equal_when_only_servers_differ() -> None:
    """Adding, changing or removing server lines keeps the skeleton; any other line changes it."""
    fewer = TEXT.replace("    server b [::1]:8080 id 8\n", "")
    assert skeleton(fewer) == skeleton(TEXT) == skeleton(TEXT.replace("10.0.0.1:80", "10.0.0.2:88"))
    assert skeleton(TEXT.replace("roundrobin", "leastconn")) != skeleton(TEXT)
    assert skeleton(TEXT + "\n") != skeleton(TEXT)


@given(st.text(), st.integers(1, 40))
def test_a_part_survives_its_nodes(text: str, size: int) -> None:
    """Whatever the text and however it is cut, the nodes give it back, and none is larger than allowed."""
    nodes = encode_part(text, size)
    assert all(len(data) <= size for _, data in nodes)
    part = Part.of("x.map", "map", text)
    by_name = dict(nodes)
    chunks = (
        [by_name[part.sha256]] if part.sha256 in by_name else [by_name[f"{part.sha256}.{i}"] for i in range(len(nodes))]
    )
    assert decode_part(part, chunks) == text


def test_the_first_of_several_nodes_is_written_last() -> None:
    """A reader that finds `.0` finds the others."""
    names = [name for name, _ in encode_part("".join(map(str, range(1000))), 100)]
    assert names[-1].endswith(".0")
    assert names[0].endswith(f".{len(names) - 1}")


@pytest.mark.parametrize("damage", ["short", "long", "other", "garbage", "empty", "bomb"])
def test_damaged_parts_are_refused(damage: str) -> None:
    """A part that is cut, longer, other text or no zlib stream raises with its path; no bomb is inflated."""
    part = Part.of("x.cfg", "config", TEXT)
    whole = encode_part(TEXT)[0][1]
    data = {
        "short": whole[:-5],
        "long": whole + b"x",
        "other": encode_part(TEXT.replace("10.0.0.1", "10.0.0.2"))[0][1],
        "garbage": b"no zlib",
        "empty": b"",
        "bomb": encode_part("0" * 10_000_000)[0][1],
    }[damage]
    with pytest.raises(CorruptRecord) as caught:
        decode_part(part, [data])
    assert caught.value.path == f"parts/{part.sha256}"


def test_a_head_of_a_template_that_knew_no_uids_is_read() -> None:
    """Instances outlive the programs that render for them."""
    record = json.loads(encode_head(HEAD))
    del record["pool_uid"]
    assert decode_head(json.dumps(record).encode()) == replace(HEAD, pool_uid="")


def test_head_and_status_survive_their_json() -> None:
    """What was written is read back, keys sorted as the contract says."""
    assert decode_head(encode_head(HEAD)) == HEAD
    assert decode_status(encode_status(STATUS)) == STATUS
    assert decode_status(encode_status(replace(STATUS, error="x", rejected_version=18, action=None))).error == "x"
    assert list(json.loads(encode_head(HEAD))) == sorted(json.loads(encode_head(HEAD)))


def test_the_status_of_an_executor_of_an_earlier_release_is_read() -> None:
    """It tells neither of its backends nor of deaths: then nothing is known of them."""
    earlier = json.loads(encode_status(STATUS))
    for field in ("leaving", "short", "deaths"):
        del earlier[field]
    assert decode_status(json.dumps(earlier).encode()) == replace(STATUS, leaving=False, short=None, deaths=())


def test_heads_are_ordered_by_epoch_then_version() -> None:
    """A new epoch comes after every version of the old one."""
    assert replace(HEAD, epoch=4, version=1).order > HEAD.order


def _change(path: str, value: object) -> bytes:
    fields = json.loads(encode_head(HEAD))
    *parents, last = path.split("/")
    target = fields
    for parent in parents:
        target = target[parent]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("schema", 2, "schema"),
        ("pool", ..., "pool"),
        ("epoch", True, "epoch"),
        ("version", -1, "version"),
        ("version", "17", "version"),
        ("ports", [], "ports"),
        ("ports/WEB", "web", "ports.WEB"),
        ("parts/10-global.cfg/kind", "text", "parts.10-global.cfg.kind"),
        ("parts/10-global.cfg/sha256", "AB", "parts.10-global.cfg.sha256"),
        ("parts/10-global.cfg/skeleton", ..., "parts.10-global.cfg.skeleton"),
        ("parts/../etc/passwd", {}, "parts"),
        ("parts/00-instance.cfg", {"kind": "config"}, "parts.00-instance.cfg"),
    ],
)
def test_a_wrong_head_names_the_field(path: str, value: object, where: str) -> None:
    """The error tells the path of the first field that is wrong."""
    if path == "parts/../etc/passwd":
        fields = json.loads(encode_head(HEAD))
        fields["parts"]["../etc/passwd"] = fields["parts"]["hosts.map"]
        data, where = json.dumps(fields).encode(), "parts.../etc/passwd"
    else:
        data = _change(path, value)
    with pytest.raises(CorruptRecord) as caught:
        decode_head(data)
    assert caught.value.path == where


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["schema", "parts", "ports", "pool"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_refused_with_one_kind_of_error(data: bytes) -> None:
    """Whatever the bytes, reading them raises CorruptRecord and nothing else."""
    with pytest.raises(CorruptRecord):
        decode_head(data)
    with pytest.raises(CorruptRecord):
        decode_status(data)
