"""Keeps what the store has: every secret that is wanted is read now and then, and the last one that could be stays.

Knows the store and time. Does not know who wants a secret, or what for.
"""

import datetime
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from scheduler.secret_delivery.held import Held
from scheduler.secret_stores import SecretProblem, Store, StoreAway
from sdk.retry import Policy

_log = structlog.get_logger()

_AT_ONCE = 4
_SOONER = 1.0
"""Seconds until a store that was away is asked again, the first time."""


@dataclass(slots=True)
class _Known:
    held: Held
    read_at: str = ""
    """When the value was read last, for people; of use only while there is trouble."""


class Reader:
    """One thread for the rounds, some more to read. `on_news` is called after a round that found something else."""

    def __init__(self, store: Store, refresh: float, on_news: Callable[[], None]) -> None:
        """`refresh`: seconds from one round to the next."""
        self._store = store
        self._refresh = refresh
        self._on_news = on_news
        self._sooner = Policy(first=_SOONER, most=refresh).backoff()
        self._changed = threading.Condition()
        self._wanted: frozenset[str] = frozenset()
        self._known: dict[str, _Known] = {}
        self._stopping = False
        self._away: StoreAway | None = None
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name="secrets reader", daemon=True)

    def start(self) -> None:
        """Begin; nothing is read before something is wanted."""
        self._thread.start()

    def stop(self) -> None:
        """End, when what is being asked is answered."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def want(self, secrets: Collection[str]) -> None:
        """These and no others; what is not wanted any more is forgotten. New ones are read at once."""
        with self._changed:
            self._wanted = frozenset(secrets)
            for secret in self._known.keys() - self._wanted:
                del self._known[secret]
            self._changed.notify_all()

    def get(self, secret: str) -> Held | None:
        """What is known; None when it has not been asked for yet."""
        with self._changed:
            known = self._known.get(secret)
            return known.held if known is not None else None

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._new(), self._pause())
                if self._stopping:
                    return
                now = time.monotonic()
                secrets = sorted(self._wanted if now >= self._due else self._new())
            if not secrets:
                self._due = now + self._refresh
                continue
            self._round(secrets)

    def _new(self) -> frozenset[str]:
        return self._wanted - self._known.keys()

    def _pause(self) -> float | None:
        return max(0.0, self._due - time.monotonic()) if self._wanted else None

    def _round(self, secrets: Iterable[str]) -> None:
        self._away = None
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="secrets") as pool:
            found = dict(zip(secrets, pool.map(self._read, secrets), strict=True))
        if not any(isinstance(result, StoreAway) for result in found.values()):
            self._sooner.reset()
            self._due = time.monotonic() + self._refresh
        else:
            self._due = time.monotonic() + min(self._refresh, self._sooner.delay())
        now = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        news = False
        with self._changed:
            for secret, result in found.items():
                if secret in self._wanted:
                    news |= self._note(secret, result, now)
        if news:
            self._on_news()

    def _read(self, secret: str) -> bytes | SecretProblem:
        if self._stopping:
            return StoreAway(f"{secret} was not read: this process ends")
        away = self._away
        if away is not None:
            return away  # a store that does not answer is not asked for hundreds of others in vain
        try:
            return self._store.read(secret)
        except StoreAway as error:
            if self._store_is_away():
                self._away = error
            return error
        except SecretProblem as error:
            return error
        except Exception as error:  # noqa: BLE001 - one secret must not keep the others; its own words may tell it
            _log.error("Reading a secret failed unexpectedly", secret=secret, error=type(error).__name__)
            return SecretProblem(f"{secret} could not be read: {type(error).__name__}")

    def _store_is_away(self) -> bool:
        """Or only odd about one secret: the others, which may be those of other pools, are read all the same."""
        try:
            self._store.check()
        except SecretProblem:
            return True
        return False

    def _note(self, secret: str, result: bytes | SecretProblem, now: str) -> bool:
        known = self._known.get(secret)
        if isinstance(result, bytes):
            held = Held(value=result)
        elif known is None or known.held.value is None:
            held = Held(trouble=str(result))
        else:
            held = Held(value=known.held.value, trouble=f"{result} (last read {known.read_at})")
        old = known.held if known is not None else None
        if held.trouble is not None and (old is None or old.trouble is None):
            _log.warning("A secret cannot be read", secret=secret, why=held.trouble)
        elif held.trouble is None and old is not None and old.trouble is not None:
            _log.info("A secret can be read again", secret=secret)
        elif old is not None and held.value != old.value:
            _log.info("A secret has changed", secret=secret)
        if known is None:
            known = self._known[secret] = _Known(held)
        known.held = held
        if held.trouble is None:
            known.read_at = now
        return held != old
