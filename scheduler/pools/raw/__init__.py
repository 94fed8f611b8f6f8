"""What an operator may say in HAProxy's own words, where a pool has no field for it. Pure.

Such text is read into words here, as HAProxy reads it, and printed anew from the words: whatever quotes, escapes and
comments it holds, it is one line of words that were looked at. Knows which lines may stand in a frontend or backend,
and what may be said of how a frontend listens. Does not know whether HAProxy takes one: it says so when it reads the
configuration.
"""

from scheduler.pools.raw.bind import bind_problem, bind_words
from scheduler.pools.raw.lines import Place, chosen_backends, line_problem, printed_line
from scheduler.pools.raw.words import MOST_LINES, BadWords, printed, read_words

__all__ = [
    "MOST_LINES",
    "BadWords",
    "Place",
    "bind_problem",
    "bind_words",
    "chosen_backends",
    "line_problem",
    "printed",
    "printed_line",
    "read_words",
]
