"""Measurements of the whole system and its parts; each script runs alone and prints its figures."""
