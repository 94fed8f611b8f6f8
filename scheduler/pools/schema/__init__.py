"""The V2 JSON form of a pool: from JSON to `Pool` with every documented default, and back.

Knows the fields, their bounds, and which documented fields are not supported yet: those are refused by name, unless
they hold the value they have when absent, so that files with every default written out still load. Defaults are the
model's. Rules across objects are in scheduler.pools.checks.
"""

from scheduler.pools.schema.backend import BackendSchema
from scheduler.pools.schema.frontend import FrontendSchema
from scheduler.pools.schema.pool import HaproxySchema, PoolSchema, dump_pool, load_pool
from scheduler.pools.schema.service import EndpointSchema

__all__ = ["BackendSchema", "EndpointSchema", "FrontendSchema", "HaproxySchema", "PoolSchema", "dump_pool", "load_pool"]
