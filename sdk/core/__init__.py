"""The scheduler's brain as a pure function: events in, a new state and effects out. No I/O, no clock, no randomness."""
