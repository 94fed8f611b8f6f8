"""The unix sockets of an instance that texts of the structure name, in the directory `${SOCKETS}`. Pure."""

#: At which lbmgr answers HTTP: metrics, and the configuration that HAProxy has read.
LBMGR_SOCKET = "lbmgr"
#: At which HAProxy answers with its own metrics.
EXPORTER_SOCKET = "exporter"
