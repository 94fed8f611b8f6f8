"""What was said of pools lately, so that who asks again, or changes what HAProxy does not see, does not wait.

Knows which fields of a pool HAProxy sees, and for how long an answer holds: the HAProxy of this machine may be another
one later. Any thread may ask.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec

from api.validation.judgement import Judgement
from sdk.clock import Clock

Json = Mapping[str, Any]

_SEEN = ("name", "type", "ports", "environment", "haproxy")
_SELECTORS = frozenset({"marathon", "mesos"})
_ENCODER = msgspec.json.Encoder(order="sorted")
_MOST = 1000
_SECONDS = 600.0


def seen_by_haproxy(content: Json, template: str) -> bytes:
    """Equal for two pools, by their stored JSON, of which HAProxy is told the same but for their servers."""
    return hashlib.sha256(_ENCODER.encode((seen(content), template))).digest()


def seen(content: Json) -> Json:
    """The JSON of a pool of which HAProxy is told the same, and which has nothing else to say."""
    kept = {key: content[key] for key in _SEEN if key in content}
    haproxy = content.get("haproxy", {})
    if "backends" in haproxy:
        kept["haproxy"] = haproxy | {"backends": [*map(_without_selectors, haproxy["backends"])]}
    return kept


def _without_selectors(backend: Json) -> Json:
    """How servers are told stays; which tasks they are does not matter."""
    services = backend.get("services")
    if services is None:
        return backend
    kept = [{key: value for key, value in one.items() if key not in _SELECTORS} for one in services]
    return {**backend, "services": kept}


class Verdicts:
    """The last of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Judgement]] = OrderedDict()

    def get(self, key: bytes) -> Judgement | None:
        """What was said of what has this key; None when nobody knows any more."""
        with self._lock:
            found = self._known.get(key)
        if found is None or self._clock.monotonic() >= found[0]:
            return None
        return found[1]

    def keep(self, key: bytes, judgement: Judgement) -> None:
        """Only what HAProxy itself said."""
        with self._lock:
            self._known[key] = self._clock.monotonic() + _SECONDS, judgement
            self._known.move_to_end(key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
