"""The way from a Mesos event to a request in real processes, for tests that judge it by what clients see.

Mesos (mesos.py) and the applications (applications.py) are doubles on real sockets; listener, template, API server,
lbmgr, HAProxy and ZooKeeper are the real ones (chain.py, process.py), the last one behind a proxy (proxy.py) that can
be slow or away. No scheduler runs: what is shown here needs none.
"""
