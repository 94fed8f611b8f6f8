"""Pools in ZooKeeper: the form they are stored in, their nodes, how they are changed and followed."""
