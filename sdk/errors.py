"""The errors of the SDK, one tree.

    SdkError
    ├── EnvironmentProblem       something outside is missing or broken; the message says what to do
    ├── InvalidSpec              a value handed in by the caller breaks a rule; carries the field path
    ├── TemporaryFailure         worth trying again: a peer is away, slow or overloaded
    │   ├── NotConnected         no subscription to Mesos at this moment
    │   ├── StorageUnavailable   ZooKeeper is away or the session is suspended
    │   └── UnexpectedAnswer     the peer answered with a status that asks for another try (5xx, 307 without a leader)
    ├── PermanentFailure         trying again cannot help
    │   ├── Refused              the peer refused a call as wrong (4xx); carries status and text
    │   │   └── Unauthorized     the peer does not know who we are (401); the message says what to set
    │   ├── FrameworkRemoved     Mesos removed the framework id for good
    │   └── CorruptRecord        stored bytes do not have the form they were written in
    └── LeadershipLost           another process is in charge; stop all calls at once

Refusals that are part of normal work (an offer that does not fit) are values, not exceptions.
"""


class SdkError(Exception):
    """Base of all errors that this package raises on purpose."""


class EnvironmentProblem(SdkError):
    """Something outside the process is missing or broken; the message says what to do."""


class InvalidSpec(SdkError):
    """A value breaks a rule: `path` is the field path, `rule` the rule as a sentence."""

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}")
        self.path = path
        self.rule = rule


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


class FrameworkRemoved(PermanentFailure):
    """Mesos removed the framework id for good (torn down, or its failover timeout passed)."""


class CorruptRecord(PermanentFailure):
    """Stored bytes at `path` do not have the form they were written in."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class LeadershipLost(SdkError):
    """Another process is in charge; stop all calls at once."""
