"""The API's clients: what the command line and programs ask it with."""
