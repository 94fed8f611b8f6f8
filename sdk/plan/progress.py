"""How far something is: the one word of status that plans, phases and steps share."""

from enum import StrEnum


class Progress(StrEnum):
    """Status of a plan, phase or step."""

    PENDING = "PENDING"
    """Nothing has been done yet."""
    PREPARED = "PREPARED"
    """Waits for an offer that fits."""
    STARTING = "STARTING"
    """Launched; no RUNNING yet."""
    STARTED = "STARTED"
    """RUNNING, not healthy yet."""
    KILLING = "KILLING"
    """The old task is being ended."""
    WAITING = "WAITING"
    """Its plan does not let it act yet: something comes before it, or an operator has to say so."""
    DELAYED = "DELAYED"
    """Waits for its backoff or for the replacement delay to pass."""
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    ERROR = "ERROR"
