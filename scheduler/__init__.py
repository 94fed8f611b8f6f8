"""The Edge-LB framework on top of the SDK: pools in ZooKeeper become services on Mesos."""
