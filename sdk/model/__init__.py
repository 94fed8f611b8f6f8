"""Frozen values of the SDK: ids, resources, offers, statuses, wishes (specs) and what is stored (records). No I/O."""
