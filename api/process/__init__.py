"""What every long-running process here has: its version, its health over HTTP, the turns of its loop."""
