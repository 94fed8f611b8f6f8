"""What is accepted and probably not meant, as warnings. Pure."""
