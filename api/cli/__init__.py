"""The command `edgelb`."""
