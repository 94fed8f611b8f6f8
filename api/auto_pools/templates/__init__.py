"""Pool templates: how they are stored, what they mean, and what comes of one for some tasks."""
