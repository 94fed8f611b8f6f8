"""A process that renders structures, one after the other, for the template.

Reads pools from its standard input and answers with their texts: a process of its own can be ended when a pool takes
too long, and its work holds up no other.
"""

import resource
import signal
import sys

from api.dcos_template.build import build_config
from api.dcos_template.dispatch import READY, Answer, Refusal, read_message, write_message
from api.dcos_template.text import render
from scheduler.pools.stored import StoredPool
from sdk.errors import InvalidSpec

#: Bytes of memory that one may take; whatever needs more is refused.
MOST_MEMORY = 2 << 30


def answer(stored: StoredPool) -> Answer:
    """The texts of the pool, or why there are none."""
    try:
        return render(build_config(stored.pool, stored.cookie_key))
    except InvalidSpec as error:
        return Refusal(error.path, error.rule)
    except MemoryError:
        return Refusal(
            f"pool {stored.pool.name}", "needs more memory than there is for it: split it into several pools"
        )


def main() -> None:
    """Answer until there is no more to read, which is when whoever asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the one that asks decides
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    write_message(sys.stdout.buffer, READY)
    while True:
        try:
            stored = read_message(sys.stdin.buffer)
        except EOFError:
            return
        assert isinstance(stored, StoredPool)
        write_message(sys.stdout.buffer, answer(stored))
