"""Waiting for a condition with a deadline, the only way tests wait."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")
_BUSY = 3
"""A machine that does other things besides may take so many times as long."""
_OFTEN, _RARELY = 0.02, 0.25
"""Seconds between two looks, at first and after a long wait."""
_PATIENCE = 0.05
"""The part of what was waited that may be waited in vain."""


def wait_until(
    predicate: Callable[[], T | Literal[False] | None],
    timeout: float = 10.0,
    what: str = "the condition",
    every: float | None = None,
) -> T:
    """Call `predicate` until it returns something true, and return that.

    It is called every so many seconds; by default less often the longer it takes: looking at whole systems costs them
    more than what they do. `timeout` are the seconds within which it has to come true on a quiet machine; waited is for
    some times that long. Exceptions of the predicate count as "not yet"; the last one is the cause of the
    AssertionError at the deadline.
    """
    timeout *= _BUSY
    began = time.monotonic()
    deadline = began + timeout
    last_error: BaseException | None = None
    last_value: object = None
    while True:
        try:
            value = predicate()
            if value:
                return value
            last_value, last_error = value, None
        except Exception as error:  # noqa: BLE001 - whatever is not ready yet may fail in any way
            last_error = error
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"{what} did not come true within {timeout:g} s; last value {last_value!r}"
            ) from last_error
        waited = time.monotonic() - began
        time.sleep(min(_OFTEN + waited * _PATIENCE, _RARELY) if every is None else every)
