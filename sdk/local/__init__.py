"""The embedded Mesos: a master and agents for one machine, for development and tests only."""
