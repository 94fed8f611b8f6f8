"""What is published for a pool in ZooKeeper: its structure, the log of its servers, what is wrong with it."""
