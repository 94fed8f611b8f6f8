"""A simulated cluster: one master with many agents whose tasks are values, for load tests.

The master is the ordinary one with its HTTP APIs. Agents and frameworks of the simulation live in a second process and
say over a socket what others say over HTTP; executors and tasks are records that change state at the right time.
`python -m sdk.local.simulated` runs one.
"""
