"""The API server, its sub-components (mesos-listener, dcos-template) and the command line."""
