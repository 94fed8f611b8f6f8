"""What an application asks for by labels `edgelb...`: from the labels of a task to claims. Pure.

names.py (edgelb.<group>.<section>.<field>) + table.py (which field of a pool that is) -> values.py (texts as JSON)
-> document.py (checked by the pool's own schema) -> group.py (one claim a group) -> exposure.py (all of a task)
"""

from api.auto_pools.labels.exposure import read_exposure, unexposed

__all__ = ["read_exposure", "unexposed"]
