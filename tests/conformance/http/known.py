"""What differs over HTTP and not in memory, and why. An entry that fits nothing any more fails the test."""

KNOWN: dict[str, dict[str, str]] = {
    "10": {
        "* | .flags.quorum: missing": "in memory the flag is given; a process has no replicated log, and no such flag",
    },
}
