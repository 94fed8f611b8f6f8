"""The side of a process that answers questions: what processes.py starts.

Knows its limits and how it ends. Does not know the questions.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable

from api.dcos_template.rendering.dispatch import READY, read_message, write_message

#: Bytes of memory that one may take; whatever needs more is refused.
MOST_MEMORY = 2 << 30


def serve(answer: Callable[[object], object]) -> None:
    """Answer until there is no more to read, which is when whoever asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the one that asks decides
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    # Whatever is logged or printed on the way is no answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    write_message(answers, READY)
    while True:
        try:
            question = read_message(sys.stdin.buffer)
        except EOFError:
            return
        write_message(answers, answer(question))
