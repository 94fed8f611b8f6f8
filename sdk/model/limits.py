"""What the kernel lets a task have and do, beside what it asks agents for. Values only; `sdk.door` has rules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RlimitSpec:
    """A limit of each of the task's processes (`setrlimit`); without values there is none."""

    type: str
    """As Mesos calls it, such as `RLMT_NOFILE`."""
    soft: int | None = None
    """What holds; a process may raise it to `hard`."""
    hard: int | None = None
    """What a process cannot exceed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSpec:
    """Of the container of a task, or of that of its executor where it has a custom one."""

    cpus: int | None = None
    """Thousandths of a core that it may use at most; None: as the agent does it."""
    mem: int | None = None
    """Thousandths of a MB beyond which it is ended; None: what it asks for."""
    rlimits: tuple[RlimitSpec, ...] = ()
    """Of each process."""
    seccomp: str | None = None
    """Name of a profile of the agent, or `unconfined`; None: the agent's default."""
    shm: int | None = None
    """Thousandths of a MB of a `/dev/shm` of its own; None: it shares that of the agent, or of its executor."""
