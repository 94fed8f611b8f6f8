"""What is stored, and where: ZooKeeper, memory, and the stores on top of them."""
