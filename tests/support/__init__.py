"""Helpers shared by tests and benchmarks: waiting, ports, real servers, a load client."""
