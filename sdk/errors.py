"""The errors of the SDK, one tree.

    SdkError
    ├── EnvironmentProblem       something outside is missing or broken; the message says what to do
    ├── InvalidSpec              values handed in by the caller break rules; carries each field path
    ├── TemporaryFailure         worth trying again: a peer is away, slow or overloaded
    │   ├── NotConnected         no subscription to Mesos at this moment
    │   ├── StorageUnavailable   ZooKeeper is away or the session is suspended
    │   └── UnexpectedAnswer     the peer answered with a status that asks for another try (5xx, 307 without a leader)
    ├── PermanentFailure         trying again cannot help
    │   ├── Refused              the peer refused a call as wrong (4xx); carries status and text
    │   │   └── Unauthorized     the peer does not know who we are (401); the message says what to set
    │   └── CorruptRecord        stored bytes do not have the form they were written in
    └── LeadershipLost           another process is in charge; stop all calls at once

Refusals that are part of normal work (an offer that does not fit) are values, not exceptions.
"""


class SdkError(Exception):
    """Base of all errors that this package raises on purpose."""


class EnvironmentProblem(SdkError):
    """Something outside the process is missing or broken; the message says what to do."""


class InvalidSpec(SdkError):
    """Values break rules: each problem is a field path and the rule as a sentence.

    `path` and `rule` are those of the first; `problems` are all that are told, and `more` counts those after them.
    """

    def __init__(self, path: str, rule: str, *others: tuple[str, str], more: int = 0) -> None:
        self.path = path
        self.rule = rule
        self.problems = ((path, rule), *others)
        self.more = more
        told = [f"{where}: {what}" for where, what in self.problems]
        super().__init__("; ".join([*told, f"and {more} more"] if more else told))


class TemporaryFailure(SdkError):
    """Worth trying again."""


class NotConnected(TemporaryFailure):
    """There is no subscription to Mesos at this moment; the call was not sent."""


class StorageUnavailable(TemporaryFailure):
    """ZooKeeper is away or the session is suspended."""


class UnexpectedAnswer(TemporaryFailure):
    """The peer answered with a status that asks for another try."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


class PermanentFailure(SdkError):
    """Trying again cannot help."""


class Refused(PermanentFailure):
    """The peer refused a call as wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


class Unauthorized(Refused):
    """The peer does not know who we are: `sentence` says who refused what, and which setting to look at."""

    def __init__(self, text: str, sentence: str) -> None:
        super().__init__(401, text)
        self.args = (sentence,)


class CorruptRecord(PermanentFailure):
    """Stored bytes at `path` do not have the form they were written in."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class LeadershipLost(SdkError):
    """Another process is in charge; stop all calls at once."""
