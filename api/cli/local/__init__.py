"""`edgelb local`: the whole system on one machine, with an embedded Mesos, for trying it out and for tests."""
