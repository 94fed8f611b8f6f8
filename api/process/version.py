"""The version of the installed distribution."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "edge-lb"


def package_version() -> str:
    """As the product printed it: `v` and the number; `v0.0.0` when run from a source tree that is not installed."""
    try:
        return f"v{version(DISTRIBUTION)}"
    except PackageNotFoundError:
        return "v0.0.0"
