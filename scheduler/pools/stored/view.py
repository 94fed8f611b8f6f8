"""All pools at one moment. Pure."""

from scheduler.pools.stored.record import StoredPool
from sdk.storage.view import RecordView

PoolView = RecordView[StoredPool]
