"""What is said between the template and a process that renders: a pool there, its texts or a refusal back.

Knows the form of the messages on a pipe. Does not know who renders, nor how.
"""

import pickle
import struct
from typing import BinaryIO, NamedTuple

from api.dcos_template.rendering.printed import Texts

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
