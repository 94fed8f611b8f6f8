"""The wire to Mesos: scheduler, executor and operator clients. Mesos' JSON lives only here; values go in and out."""
