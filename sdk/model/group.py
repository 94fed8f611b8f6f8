"""What the tasks of a pod share that runs under Mesos' default executor (LAUNCH_GROUP). Values; rules: `sdk.door`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """The tasks of an instance run in containers nested in one, with that one's network, and its sandbox above theirs.

    Its resources are the executor's, beside those of each task. Tasks that are launched together end together, by Mesos
    itself; each of the others is a group of its own under the same executor.
    """

    cpus: int = 100
    """Thousandths of a core."""
    mem: int = 32_000
    """Thousandths of a MB."""
    disk: int = 10_000
    """Thousandths of a MB."""
    shutdown_grace: float = 10.0
    """Seconds between SHUTDOWN and SIGKILL of all that is left."""
