"""Frameworks and applications that show the SDK at work; all of them are run by tests."""
