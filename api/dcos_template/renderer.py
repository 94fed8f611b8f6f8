"""A process that renders structures, one after the other, for the template.

Reads pools from its standard input and answers with their texts: a process of its own can be ended when a pool takes
too long, and its work holds up no other. Knows the form of request and answer.
"""

import pickle
import resource
import signal
import struct
import sys
from typing import BinaryIO, NamedTuple

from api.dcos_template.build import build_config
from api.dcos_template.text import Texts, render
from scheduler.pools.model import Pool
from sdk.errors import InvalidSpec

#: Bytes of memory that one may take; whatever needs more is refused.
MOST_MEMORY = 2 << 30
#: What a process says first; to start it takes longer than most pools.
READY = "ready"
_LENGTH = struct.Struct("!Q")


class Refusal(NamedTuple):
    """Why a pool cannot be rendered, as in InvalidSpec."""

    path: str
    rule: str


Answer = Texts | Refusal


def write_message(stream: BinaryIO, value: object) -> None:
    """One value, for a process of our own."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_message(stream: BinaryIO) -> object:
    """The next value; raises EOFError when there is none."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - what a process of our own has written


def answer(pool: Pool) -> Answer:
    """The texts of the pool, or why there are none."""
    try:
        return render(build_config(pool))
    except InvalidSpec as error:
        return Refusal(error.path, error.rule)
    except MemoryError:
        return Refusal(f"pool {pool.name}", "needs more memory than there is for it: split it into several pools")


def main() -> None:
    """Answer until there is no more to read, which is when whoever asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the one that asks decides
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    write_message(sys.stdout.buffer, READY)
    while True:
        try:
            pool = read_message(sys.stdin.buffer)
        except EOFError:
            return
        assert isinstance(pool, Pool)
        write_message(sys.stdout.buffer, answer(pool))
