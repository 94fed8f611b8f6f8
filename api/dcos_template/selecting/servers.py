"""From an endpoint to the server that HAProxy is told of. Pure.

Knows how servers are numbered and which of their backend's options they go by. Does not know where endpoints come from
nor who is told of them.
"""

import zlib
from collections.abc import Collection, Mapping

from api.dcos_template.selecting.endpoint import NO_WEIGHT, Endpoint, Kind, spoken, words_key
from pool_executor.contract import MAX_SERVER_ID, Server, decode_server, encode_server
from scheduler.pools.model import Endpoint as EndpointWish
from scheduler.pools.model import EndpointType, Service
from scheduler.pools.words.server_fields import field_words
from scheduler.pools.words.server_words import UNVERIFIED, check_problem, misc_problem
from sdk.errors import InvalidSpec
from sdk.net.address import is_address

#: HAProxy's own TCP check: every 5 s, every second while the state is in doubt: a dead server is out after 7 s.
CHECK_OPTIONS = "check fall 3 fastinter 1s inter 5s rise 2"
RESOLVERS = "edgelb"
#: A name is resolved by resolvers, triggered by the check; when none answers at the start, HAProxy starts all the same.
NAME_OPTIONS = f"init-addr last,libc,none resolve-prefer ipv4 resolvers {RESOLVERS}"

#: What a key into the options of a backend stands for: whether HAProxy checks the server, and whether it resolves it.
USUAL, UNCHECKED, NAMED, NAMED_UNCHECKED = "", "unchecked", "name", "name-unchecked"
_KEYS = {(True, False): USUAL, (False, False): UNCHECKED, (True, True): NAMED, (False, True): NAMED_UNCHECKED}
_WORDS = "."
"""Stands in a key before that of the words that a service says of its servers."""
OPTIONS: Mapping[str, str] = {
    USUAL: CHECK_OPTIONS,
    UNCHECKED: "",
    NAMED: f"{CHECK_OPTIONS} {NAME_OPTIONS}",
    NAMED_UNCHECKED: NAME_OPTIONS,
}


def options_key(checked: bool, named: bool, words: str = "") -> str:
    """The key of a server; `words` is the key of what its service says of it."""
    key = _KEYS[checked, named]
    return f"{key}{_WORDS}{words}" if words else key


def options_for(services: Collection[Service], connecting: str = "") -> dict[str, str]:
    """The options that the servers of these services can go by; `connecting` are words that all of them have."""
    found = {USUAL: f"{OPTIONS[USUAL]} {connecting}".rstrip()}
    for service in services:
        wish = service.endpoint
        _require_words(wish)
        words = spoken(wish).words
        if "required" in connecting and UNVERIFIED & set(words.split()):
            raise InvalidSpec("endpoint.miscStr", "would have certificates not verified, which tls.ca wants")
        # What the service says stands last: of two options of a kind HAProxy takes that one.
        line = (OPTIONS[options_key(wish.check.enabled, _is_named(wish))], connecting, words)
        found[_key(wish, words)] = " ".join(filter(None, line))
    return dict(sorted(found.items()))


def key_of(wish: EndpointWish) -> str:
    """The key of a service's servers."""
    return _key(wish, spoken(wish).words)


def _key(wish: EndpointWish, words: str) -> str:
    return options_key(wish.check.enabled, _is_named(wish), words_key(words))


def _is_named(wish: EndpointWish) -> bool:
    return wish.type is EndpointType.ADDRESS and not is_address(wish.address)


def _require_words(wish: EndpointWish) -> None:
    for name, problem in (
        ("endpoint", misc_problem(field_words(wish))),
        ("endpoint.miscStr", misc_problem(wish.misc_str)),
        ("endpoint.check.customStr", check_problem(wish.check.custom_str)),
    ):
        if problem:
            raise InvalidSpec(name, problem)


def server_of(endpoint: Endpoint, known: Server | None, taken: Collection[int], name: str = "") -> Server:
    """The server for an endpoint; raises CorruptRecord when none can be written.

    The number is a hash of the name, so that it is the same in every instance and after every restart, and a server
    keeps its place in consistent hashing. One that is `known` keeps its number; a new one takes the next that is not
    among those `taken` in its backend. Whoever has the `name` already gives it, so that it is in memory once.
    """
    name = name or endpoint.name
    if known is not None:
        number = known.id
    else:
        number = zlib.crc32(name.encode()) % MAX_SERVER_ID + 1
        while number in taken:
            number = number % MAX_SERVER_ID + 1
    named = endpoint.kind is Kind.ADDRESS and not is_address(endpoint.host)
    server = Server(
        name=name,
        address=endpoint.host,
        port=endpoint.port,
        id=number,
        task=endpoint.task,
        state=endpoint.state,
        weight=None if endpoint.weight == NO_WEIGHT else endpoint.weight,
        options=options_key(endpoint.check, named, endpoint.words),
    )
    # One endpoint that a reader would refuse must not cost the others their place.
    return decode_server(encode_server(server), f"server {name!r:.120}")


def endpoint_of(server: Server) -> Endpoint | None:
    """The endpoint that became this server; None when its name is not one of ours."""
    kind, _, _ = server.name.partition("_")
    if kind not in set(Kind):
        return None
    key, _, words = server.options.partition(_WORDS)
    weight = NO_WEIGHT if server.weight is None else server.weight
    checked = key in (USUAL, NAMED)
    endpoint = Endpoint(Kind(kind), server.address, server.port, checked, server.task, server.state, words, weight)
    return endpoint if endpoint.name == server.name else None
