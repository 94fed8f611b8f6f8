"""Pools: their model, the V2 JSON form, the rules they must meet, and where they are stored."""
