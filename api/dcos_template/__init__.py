"""dcos-template: from pools and running tasks to the HAProxy configuration that lbmgr applies."""
