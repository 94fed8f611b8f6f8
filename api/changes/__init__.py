"""Who changed what through the API, and when."""
