"""Valid pools of every field, as documents of the API.

Fields of numbers, flags and choices are found in the schema and need no mention here; texts have a meaning each, so
there are some of each in a table. A field of text that is not in the table is left out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from marshmallow import fields

from scheduler.pools.fields import Choice, Flag, Number, Strict, Whole, WholeOf
from scheduler.pools.model import Pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import PoolSchema, load_pool

Json = st.SearchStrategy[Any]
_WORDS = ("/", "/app", "/app/", "/a.b(c)", "/a%20b;c=d", "/~x!&*+,")
_HOSTS = ("a.test", "A.Test:8443", "10.0.0.1", "x_y.test.")
#: Some texts for fields, by the end of their path; the longest end counts.
TEXTS: Mapping[str, tuple[Any, ...]] = {
    "frontends.bindModifier": ("accept-proxy", "maxconn 100 tcp-ut 5s"),
    "frontends.miscStrs": (
        "timeout client 1h",
        "option clitcpka",
        "tcp-request connection reject if { src 10.9.9.9 } # no",
        "log-tag 'a b'",
    ),
    "map.hostEq": _HOSTS,
    "map.hostReg": ("^a[.]test$", "[a-z]+[.]test(:[0-9]+)?"),
    "map.pathBeg": _WORDS,
    "map.pathEnd": (".js", "/x"),
    "map.pathReg": ("^/a/[0-9]+$", "x"),
    "headers.name": ("X-Canary", "User-Agent"),
    "headers.valueEq": ("always", "it's 100% \"a\" # $b"),
    "headers.valueReg": ("(?i)curl/[0-9]+", "it's"),
    "cookies.name": ("version", "a.b"),
    "cookies.valueEq": ("2", "it's#100%$a"),
    "cookies.valueReg": ("^[a-z]+$",),
    "except.host": ("a.test", "b.test"),
    "except.pathBeg": _WORDS,
    "requestHeaders.name": ("X-A", "Via"),
    "requestHeaders.value": ("a", "100% 'b' %[src]"),
    "responseHeaders.name": ("X-A", "Vary"),
    "responseHeaders.value": ("a", '"b"'),
    "redirects.location": ("https://b.test/new", "/new"),
    "redirects.hostEq": ("a.test",),
    "redirects.pathEq": _WORDS,
    "redirects.pathBeg": _WORDS,
    "errorPages.content": ("sorry", "100% 'sorry'\n"),
    "users.name": ("ann",),
    "users.passwordHash": ("$5$a$" + "a" * 43,),
    "basicAuth.realm": ("a 'b'",),
    "clients.allow": ("10.0.0.0/8", "127.0.0.1"),
    "clients.deny": ("10.9.9.9",),
    "acceptProxy.from": ("10.0.0.0/8",),
    "backends.balance": (
        "roundrobin", "static-rr", "leastconn", "first", "source", "uri depth 3", "url_param user check_post",
        "hdr(X-User)", "random(3)", "rdp-cookie(x)",
    ),
    "backends.miscStrs": (
        "timeout server 1h",
        "stick-table type ip size 1k",
        "no option http-server-close",
        "option srvtcpka",
    ),
    "tls.serverName": ("a.test",),
    "rewriteHttp.host": _HOSTS[:3],
    "path.fromPath": _WORDS,
    "path.toPath": _WORDS,
    "sticky.customStr": ("S insert", "cookie A prefix nocache", "B rewrite attr SameSite=None", "C insert maxidle 1h"),
    "customCheck.httpchkMiscStr": ("GET /health", r"HEAD / HTTP/1.1\r\nHost:\ a.test\r\nX-A: 100% b"),
    "customCheck.miscStr": (
        "option redis-check", "option mysql-check user a post-41", "option tcp-check", "option smtpchk EHLO a.test",
        "http-check expect ! status 500-599", "http-check expect string ok",
    ),
    "check.customStr": ("inter 1s fall 2", "port 8081 addr 10.0.0.9", "check-ssl check-sni a.test", "observe layer4"),
    "endpoint.miscStr": ("no-tls-tickets", "on-marked-down shutdown-sessions", "minconn 5", "pool-max-conn 5", "ssl"),
}  # fmt: skip
#: What a valid pool has only together with something else: made by hand below.
_BY_HAND = frozenset({"name", "protocol", "linkBackend", "services", "bindAddress", "bindPort", "http2", "tls"})


def _field(field: Any, path: str) -> Json | None:
    """Values of the field, None where nothing is known of it."""
    match field:
        case fields.Nested():
            return _object(_schema_of(field), path)
        case Flag():
            return st.booleans()
        case WholeOf():
            return st.sampled_from(sorted(field.numbers))
        case Whole():
            return st.integers(field.low, field.high)
        case Number():
            return (
                st.floats(field.low, field.high)
                .map(lambda value: round(value, 3))
                .filter(lambda value: field.low <= value <= field.high)
            )
        case Choice():
            return st.sampled_from([one.value for one in field.enum])
        case fields.List():
            texts = _texts(path)
            inner = texts if texts is not None else _field(field.inner, path)
            return None if inner is None else st.lists(inner, max_size=3, unique=texts is not None)
    return _texts(path)


def _texts(path: str) -> Json | None:
    found = [end for end in TEXTS if path.endswith(f".{end}")]
    return st.sampled_from(TEXTS[max(found, key=len)]) if found else None


def _object(schema: Strict, path: str, without: frozenset[str] = frozenset()) -> Json | None:
    """Objects of the schema; None when nothing is known of something that they need."""
    keys = {field.data_key or name: field for name, field in schema.fields.items() if not field.load_only}
    known = {key: _field(field, f"{path}.{key}") for key, field in keys.items() if key not in without}
    needed = {key: found for key, found in known.items() if keys[key].required}
    optional = {key: found for key, found in known.items() if key not in needed and found is not None}
    some = {key: found for key, found in needed.items() if found is not None}
    return st.fixed_dictionaries(some, optional=optional) if len(some) == len(needed) else None


def _known(schema: Strict, path: str, without: frozenset[str] = frozenset()) -> Json:
    made = _object(schema, path, without)
    assert made is not None, f"nothing is known of something that {path or 'a pool'} needs"
    return made


def _inner(schema: Strict, name: str) -> Strict:
    field = next(field for key, field in schema.fields.items() if (field.data_key or key) == name)
    inner = field.inner if isinstance(field, fields.List) else field
    assert isinstance(inner, fields.Nested), f"{name} is no object"
    return _schema_of(inner)


def _schema_of(field: fields.Nested) -> Strict:
    assert isinstance(field.schema, Strict)
    return field.schema


_HAPROXY = _inner(PoolSchema(), "haproxy")
_FRONTEND, _BACKEND = _inner(_HAPROXY, "frontends"), _inner(_HAPROXY, "backends")
_SERVICE = _inner(_BACKEND, "services")
_ENDPOINT = _inner(_SERVICE, "endpoint")
_WHERE = frozenset({"type", "address", "port", "portName", "allPorts"})

_TLS: tuple[Mapping[str, str], ...] = (
    {},
    {"serverName": "a.test"},
    {"ca": "$SYSTEM", "verifyHost": "a.test"},
    {"ca": "$SYSTEM", "serverName": "a.test", "certificate": "$AUTOCERT"},
)
#: The tasks that services select.
TASKS = ("one", "two")


@st.composite
def _service(draw: Callable[[Json], Any]) -> Any:
    endpoint = draw(_known(_ENDPOINT, ".endpoint", _WHERE))
    address = draw(st.sampled_from([None, None, "10.0.0.7", "localhost"]))
    if address is None:
        return {"mesos": {"taskName": draw(st.sampled_from(TASKS))}, "endpoint": endpoint}
    port = draw(st.integers(1, 65535))
    return {"endpoint": {**endpoint, "type": "ADDRESS", "address": address, "port": port}}


@st.composite
def _backend(draw: Callable[[Json], Any], name: str, http: bool) -> Any:
    made = draw(_known(_BACKEND, ".backends", _BY_HAND))
    protocol = draw(st.sampled_from(["HTTP", "HTTPS"] if http else ["TCP", "TLS"]))
    more = {"tls": draw(st.sampled_from(_TLS))} if protocol in ("HTTPS", "TLS") else {}
    if http:
        more["http2"] = draw(st.booleans())
    return {**made, **more, "name": name, "protocol": protocol, "services": draw(st.lists(_service(), max_size=3))}


@st.composite
def _frontend(draw: Callable[[Json], Any], name: str, http: bool, backends: list[str]) -> Any:
    made = draw(_known(_FRONTEND, ".frontends", _BY_HAND))
    link = {"defaultBackend": draw(st.sampled_from(backends))}
    if http:
        rule = _known(_inner(_inner(_FRONTEND, "linkBackend"), "map"), ".map", frozenset({"backend"}))
        rules = draw(st.lists(rule.filter(bool), max_size=4))
        link["map"] = [{**one, "backend": draw(st.sampled_from(backends))} for one in rules]
    return {
        **made,
        "name": name,
        "bindAddress": "127.0.0.1",
        "protocol": "HTTP" if http else "TCP",
        "linkBackend": link,
    }


@st.composite
def _document(draw: Callable[[Json], Any]) -> Any:
    backends, frontends = [], []
    for http, prefix in ((True, "h"), (False, "t")):
        names = [f"{prefix}{number}" for number in range(draw(st.integers(0, 2)))]
        backends += [draw(_backend(name, http)) for name in names]
        if names:
            frontends.append(draw(_frontend(f"f{prefix}", http, names)))
    return {"name": "web", "haproxy": {"frontends": frontends, "backends": backends}}


@st.composite
def valid_pools(draw: Callable[[Json], Any]) -> Pool:
    """Pools that the API takes; what its fields exclude of each other is taken out."""
    document = draw(_document())
    for _ in range(20):
        try:
            return load_pool(document)
        except InvalidPool as refused:
            # The last one first: what stands before it in a list keeps its place.
            for problem in reversed(refused.problems):
                _take_out(document, problem.path)
    assume(False)
    raise AssertionError("is never reached")


def _take_out(document: Any, path: str) -> None:
    """Remove the field at the path, or the object that lacks it; of what stands in a list all behind it, too."""
    keys = path.removeprefix("pool.").replace("[", ".[").split(".")
    at = document
    for key in keys[:-1]:
        index = int(key[1:-1]) if key.startswith("[") else 0
        found = at.get(key) if isinstance(at, dict) else at[index] if index < len(at) else None
        if not isinstance(found, dict | list):
            break
        at = found
    if isinstance(at, dict):
        if at.pop(keys[-1], None) is None and len(keys) > 1:
            _take_out(document, path[: max(path.rfind("."), path.rfind("["))])  # something is missing in it
    elif keys[-1].startswith("["):
        del at[int(keys[-1][1:-1]) :]
