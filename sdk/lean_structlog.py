"""structlog, imported without rich: a third of the start of a small process otherwise.

structlog imports rich and all that belongs to it wherever it is installed, for tracebacks with the values of local
variables, which no process of ours logs: secrets are among them. The first import of structlog in a process decides,
so modules that set up logs take it from here and nothing before them imports it.
"""

import sys

__all__ = ["structlog"]

if "rich" in sys.modules or "structlog" in sys.modules:
    import structlog
else:
    # None: an import says that there is no such module, which structlog is prepared for.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog
    finally:
        del sys.modules["rich"]
