"""The fast path: servers as they are published, told to the HAProxy that runs, and kept on disk."""
