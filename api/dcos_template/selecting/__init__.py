"""From tasks and services to servers: who is one, of which backend, and why others are not."""
