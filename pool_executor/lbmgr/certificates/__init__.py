"""Key material: what listeners need, what HAProxy has of it, and the instance's own."""
