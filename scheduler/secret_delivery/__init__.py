"""How instances get the secrets of their pools: from the store, through this process, and through nothing else."""

from scheduler.secret_delivery.courier import Courier

__all__ = ["Courier"]
