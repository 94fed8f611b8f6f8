"""What is known of pools at run time: read from ZooKeeper, the scheduler and the template process."""
