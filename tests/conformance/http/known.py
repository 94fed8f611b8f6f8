"""What differs over HTTP and not in memory, and why. An entry that fits nothing any more fails the test."""

KNOWN: dict[str, dict[str, str]] = {}
