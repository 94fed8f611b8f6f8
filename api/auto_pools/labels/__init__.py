"""What an application asks for by labels `edgelb...`: from the labels of a task to claims. Pure.

names.py (edgelb.<group>.<section>.<field>) + table.py (which field of a pool that is) -> values.py (texts as JSON)
-> document.py (checked by the pool's own schema) -> group.py (one claim a group) -> exposure.py (all of a task)

And back, by written.py.
"""

from api.auto_pools.labels.exposure import read_exposure, unexposed
from api.auto_pools.labels.written import labels_of

__all__ = ["labels_of", "read_exposure", "unexposed"]
