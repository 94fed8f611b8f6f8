"""What an application asks for by Marathon-LB's labels `HAPROXY_...`: from the labels of a task to claims. Pure.

names.py (HAPROXY_<n>_<NAME>) -> port.py (the claims of one port) -> exposure.py (all of a task)

And from there to labels of our own: apps.py (what Marathon tells) -> migration.py.
"""

from api.auto_pools.marathon_lb.apps import AppPort, MarathonApp, read_apps
from api.auto_pools.marathon_lb.exposure import read_marathon_lb, templates_under, unserved
from api.auto_pools.marathon_lb.migration import Migration, migrate

__all__ = [
    "AppPort",
    "MarathonApp",
    "Migration",
    "migrate",
    "read_apps",
    "read_marathon_lb",
    "templates_under",
    "unserved",
]
