"""Routes that documents spell in two ways."""


def both_spellings(endpoint: str) -> tuple[str, str]:
    """What a view is called at /pooltemplates, and at /poolTemplates: documents write both."""
    return endpoint, f"{endpoint}_camel"
