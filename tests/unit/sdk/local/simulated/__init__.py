"""Tests of the embedded Mesos' pure core."""
