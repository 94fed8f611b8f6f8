"""What HAProxy may use of the resources that a task has. Pure.

Knows what connections and configurations cost, measured. Does not know where the numbers come from.
"""

from dataclasses import dataclass

MB = 1024 * 1024

#: Taken where nobody tells how much memory there is.
_CONNECTIONS = 10_000
# HAProxy 2.6 | 2.8, in kB: an idle connection 1 | 1, a request that is worked on 8 | 8, one whose response the client
# does not take 35 | 50, one that is stuck in both directions 55 | 93. `tune.buffers.limit` is no bound to use: when it
# is reached, nobody is served any more.
_CONNECTION = 48 * 1024
_LEAST_CONNECTIONS = 100
# The other half holds the configuration of this worker and of those that leave, and lbmgr.
_SHARE = 0.5
# Not all of a container's memory is ours: the kernel counts sockets and files as well.
_USABLE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """CPUs, and memory in MB, of the whole task; None where nobody has told them."""

    cpus: float | None = None
    memory: float | None = None

    def threads(self, cores: int) -> int:
        """How many threads serve on a machine of so many cores: a share of a core is one, as are 1.4."""
        wanted = cores if self.cpus is None else int(self.cpus + 0.5)
        return max(1, min(cores, wanted))

    @property
    def connections(self) -> int:
        """How many connections of clients are taken at the same time; more wait to be accepted."""
        if self.memory is None:
            return _CONNECTIONS
        return max(_LEAST_CONNECTIONS, int(self.memory * MB * _SHARE / _CONNECTION))

    def room(self, lbmgr: int, serving: int) -> int | None:
        """Bytes that are left to old workers beside lbmgr and the worker that serves; None: nobody knows."""
        return None if self.memory is None else int(self.memory * MB * _USABLE) - lbmgr - serving
