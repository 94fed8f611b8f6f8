"""API version 1: how it writes a pool, from its JSON to the pool of version 2 and back."""
