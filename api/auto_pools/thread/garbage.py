"""No search for garbage while many things are made that stay: it looks at all of them again and again, in vain."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_searched() -> Iterator[None]:
    """What stands there in the end, garbage too, is never looked at again: for one thread, and not often."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
