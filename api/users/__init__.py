"""The users of the API: who they are, how they prove it, and what each may do."""
