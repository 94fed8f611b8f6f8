"""A simulated cluster: one master process with many agents in it whose tasks are values, for load tests.

The master is the ordinary one with its HTTP APIs. Agents register with its core as others do, but are objects in the
same process; executors and tasks are records that change state at the right time. Frameworks of the simulation are
schedulers on the same core. `python -m sdk.local.simulated` runs one.
"""
