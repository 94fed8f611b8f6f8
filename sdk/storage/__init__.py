"""Nodes and who may write them: ZooKeeper or memory, sessions, watches, leadership. Knows nothing of what is kept."""
