"""Tests of the embedded Mesos with real processes."""
