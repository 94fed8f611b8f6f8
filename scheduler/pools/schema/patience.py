"""The V2 form of how long servers are waited for, and what is tried again."""

from scheduler.pools.fields import Choice, Items, Number, Strict, Whole
from scheduler.pools.model import Method, Retries, RetryOn, Timeouts

#: HAProxy counts milliseconds in 31 bits.
_SHORTEST, _LONGEST = 0.001, 2_000_000


class TimeoutsSchema(Strict):
    MODEL = Timeouts
    connect = Number(_SHORTEST, _LONGEST)
    server = Number(_SHORTEST, _LONGEST)
    queue = Number(_SHORTEST, _LONGEST)
    tunnel = Number(_SHORTEST, _LONGEST)
    check = Number(_SHORTEST, _LONGEST)


class RetriesSchema(Strict):
    MODEL = Retries
    count = Whole(0, 10)
    on = Items(Choice(RetryOn))
    methods = Items(Choice(Method))
