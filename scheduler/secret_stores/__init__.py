"""Where the secrets of pools come from: one interface, and a store for each place that operators keep them in."""

from scheduler.secret_stores.store import Denied, NoSecret, SecretProblem, Store, StoreAway

__all__ = ["Denied", "NoSecret", "SecretProblem", "Store", "StoreAway"]
