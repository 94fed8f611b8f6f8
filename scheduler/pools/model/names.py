"""Names that are taken in every pool."""

STATS_PORT_NAME = "stats"
"""Name of the task port of the statistics listener; frontends may not be called so."""
#: The backend that lbmgr adds to every configuration: its one server is up unless the instance drains.
LBMGR_BACKEND = "_lbmgr"
#: The backend that asks lbmgr for metrics, and the listener at which HAProxy answers with its own.
LBMGR_HTTP, EXPORTER = "_lbmgr-http", "_lbmgr-exporter"
MADE = "auto-"
"""How the names of pools begin that are made from labels; the name of their pool template follows."""
#: Label of every load balancer's task; the value is the name of its pool.
POOL_LABEL = "EDGELB_POOL"
RESERVED_NAMES = frozenset({LBMGR_BACKEND, LBMGR_HTTP, EXPORTER})
"""Neither a frontend nor a backend of a pool may be called so."""
