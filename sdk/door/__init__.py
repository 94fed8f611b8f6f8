"""Where specs come in: what a plugin wishes for is checked as a whole before anything else looks at it. Pure."""
