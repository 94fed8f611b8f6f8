"""What an application asks for by Marathon-LB's labels `HAPROXY_...`: from the labels of a task to claims. Pure.

names.py (HAPROXY_<n>_<NAME>) -> port.py (the claims of one port) -> exposure.py (all of a task)
"""

from api.auto_pools.marathon_lb.exposure import ALL, EXTERNAL, TEMPLATE, read_marathon_lb

__all__ = ["ALL", "EXTERNAL", "TEMPLATE", "read_marathon_lb"]
