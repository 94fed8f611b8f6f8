"""The Mesos custom executor of a pool instance, and lbmgr, which keeps its HAProxy following the pool."""
