"""A server of a backend as a record, and its line in HAProxy's configuration. Pure.

A server is told apart by its name, which is unique in its backend; `task` says whose it is. Its options are a key into
those of its backend (marker.py), so that a structure may change what a key means without a word about servers.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeGuard

from sdk.errors import CorruptRecord
from sdk.net.address import is_address
from sdk.net.names import LONGEST_JOINED_NAME, is_host, is_key, is_name

MAX_SERVER_ID = 2**31 - 1
MAX_WEIGHT = 256

_LONGEST_TASK = 1024
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")


class State(StrEnum):
    """What a server may be asked for, as HAProxy calls it."""

    READY = "ready"
    DRAIN = "drain"
    """Nothing new, but what is bound to it by a cookie."""
    MAINT = "maint"
    """Nothing."""


class Server(NamedTuple):
    """One server. `address` is an IP address without brackets, or a name that HAProxy resolves."""

    name: str
    address: str
    port: int
    id: int
    """HAProxy's number for it, from 1, unique in its backend."""
    task: str = ""
    """The id of the Mesos task behind it; empty where the pool itself names the address."""
    weight: int | None = None
    """From 0 to 256; None where its backend's options decide."""
    state: State = State.READY
    options: str = ""
    """A key into the options of its backend."""


_NEEDED = 4
_DEFAULTS: tuple[object, ...] = ("", None, State.READY, "")
_STATES: Mapping[object, State] = {str(state): state for state in State}


def encode_server(server: Server) -> list[object]:
    """The JSON of a server: a list of its fields in order, without those at the end that have their default."""
    most = len(server)
    while most > _NEEDED and server[most - 1] == _DEFAULTS[most - 1 - _NEEDED]:
        most -= 1
    return list(server[:most])


def decode_server(value: object, path: str) -> Server:
    """The server that the JSON holds; raises CorruptRecord when HAProxy could not be told of it safely."""
    if not isinstance(value, list) or not _NEEDED <= len(value) <= len(Server._fields):
        raise CorruptRecord(path, f"is {value!r:.80}; it must be a list of {_NEEDED} to {len(Server._fields)} values")
    fields: tuple[object, ...] = (*value, *_DEFAULTS[len(value) - _NEEDED :])
    name, address, port, number, task, weight, state, options = fields
    if not isinstance(name, str) or not is_name(name, LONGEST_JOINED_NAME):
        raise CorruptRecord(path, f"has the name {name!r:.80}, which no server can have")
    # Nearly all addresses are of this form, and the others take longer to look at than all the rest of a record.
    if not isinstance(address, str) or not (_IPV4.fullmatch(address) or is_address(address) or is_host(address)):
        raise CorruptRecord(path, f"has the address {address!r:.80}; it must be an IP address or a name")
    if not _within(port, 0, 65535):
        raise CorruptRecord(path, f"has the port {port!r:.80}")
    if not _within(number, 1, MAX_SERVER_ID):
        raise CorruptRecord(path, f"has the id {number!r:.80}; it must be from 1 to {MAX_SERVER_ID}")
    if not isinstance(task, str) or len(task) > _LONGEST_TASK:
        raise CorruptRecord(path, f"has the task {task!r:.80}")
    if weight is not None and not _within(weight, 0, MAX_WEIGHT):
        raise CorruptRecord(path, f"has the weight {weight!r:.80}; it must be from 0 to {MAX_WEIGHT}")
    if not isinstance(state, str) or state not in _STATES:
        raise CorruptRecord(path, f"has the state {state!r:.80}; it must be one of {', '.join(State)}")
    if not isinstance(options, str) or not is_key(options):
        raise CorruptRecord(path, f"has the options {options!r:.80}, which is no key")
    return Server(name, address, port, number, task, weight, _STATES[state], options)


def _within(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def host_and_port(server: Server) -> str:
    """Where the server is, as HAProxy reads it."""
    return f"[{server.address}]:{server.port}" if ":" in server.address else f"{server.address}:{server.port}"


def options_of(server: Server, options: Mapping[str, str]) -> str:
    """The words after the id in the server's line; a key that the backend does not know means its usual options.

    The weight stands last: of two in a line HAProxy takes that one.
    """
    found = options.get(server.options, options.get("", ""))
    return found if server.weight is None else f"{found} weight {server.weight}".lstrip()


def server_line(server: Server, options: Mapping[str, str]) -> str:
    """The server's line in a backend with these options.

    The configuration knows no word for draining: a weight of 0 is the same to HAProxy.
    """
    words = ["    server", server.name, host_and_port(server), "id", str(server.id)]
    drained = server._replace(weight=0) if server.state is State.DRAIN else server
    if found := options_of(drained, options):
        words.append(found)
    if server.state is State.MAINT:
        words.append("disabled")
    return " ".join(words)


Servers = Mapping[str, Mapping[str, Server]]
"""By backend and name."""


class Put(NamedTuple):
    """This server is one of the backend now, instead of the one of that name if there was one."""

    backend: str
    server: Server


class Remove(NamedTuple):
    """The backend has no server of this name any more."""

    backend: str
    name: str


Operation = Put | Remove


def apply(servers: dict[str, dict[str, Server]], operations: Sequence[Operation]) -> None:
    """Carry the operations out; either kind may be repeated without effect. A backend without servers is left out."""
    for operation in operations:
        match operation:
            case Put(backend, server):
                servers.setdefault(backend, {})[server.name] = server
            case Remove(backend, name):
                of_backend = servers.get(backend)
                if of_backend is not None and of_backend.pop(name, None) is not None and not of_backend:
                    del servers[backend]
