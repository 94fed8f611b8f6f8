"""What the network's own standards say, as values. Pure."""
