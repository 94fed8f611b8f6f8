"""Whose pool it may be. Pure."""


def principal_problem(wanted: str, own: str | None) -> str | None:
    """The rule that a pool's principal breaks, None for one that names none, or the framework's."""
    if not wanted or wanted == own:
        return None
    ours = f"which runs all pools and has {own}" if own else "which runs all pools and has none"
    return f"is not that of the framework, {ours}; leave the field out"
