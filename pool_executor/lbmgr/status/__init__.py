"""What an instance tells of itself: health, backends, refusals, counters."""
