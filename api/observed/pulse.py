"""The record in which a template process says that it works and how fresh its tasks are. Pure.

Every beat differs from the one before by its number, so that a reader sees by its own clock when the last one came:
the clocks of two machines need not agree.
"""

import json
from dataclasses import dataclass

from sdk.errors import CorruptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """One beat. `silence` is how long the listener, and `mesos_silence` how long Mesos, had said nothing then, in
    seconds; None when it never has or that is not known. `why_not` is why the listener does not serve. `kept` tasks are
    as they were when their agents were last heard: the master has not heard from these yet.
    """

    beat: int
    listener: str
    connected: bool
    why_not: str
    silence: float | None
    mesos_silence: float | None
    kept: int = 0


def pulse_path(root: str, identity: str) -> str:
    """The node of the process whose leadership node calls it `identity`."""
    return f"{root.rstrip('/')}/processes/template/{identity}"


def encode_pulse(pulse: Pulse) -> bytes:
    """The bytes of the node."""
    record = {
        "beat": pulse.beat,
        "listener": pulse.listener,
        "connected": pulse.connected,
        "why_not": pulse.why_not,
        "silence": _rounded(pulse.silence),
        "mesos_silence": _rounded(pulse.mesos_silence),
        "kept": pulse.kept,
    }
    return json.dumps(record, sort_keys=True).encode()


def decode_pulse(path: str, data: bytes) -> Pulse:
    """The beat in a node; raises CorruptRecord."""
    try:
        record = json.loads(data)
        return Pulse(
            beat=int(record["beat"]),
            listener=str(record["listener"]),
            connected=record["connected"] is True,
            why_not=str(record["why_not"]),
            silence=_seconds(record["silence"]),
            mesos_silence=_seconds(record["mesos_silence"]),
            kept=int(record["kept"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptRecord(path, f"is no sign of life of a template process: {error}") from error


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _seconds(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]  # whatever it is, TypeError is caught
