"""structlog, imported without rich and asyncio: half of the start of a small process otherwise.

structlog imports rich and all that belongs to it wherever it is installed, for tracebacks with the values of local
variables, which no process of ours logs: secrets are among them. And it imports asyncio for the methods that log from
coroutines, which find it when they are called. The first import of structlog in a process decides, so modules that set
up logs take it from here and nothing before them imports it.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["structlog"]


class _Later(ModuleType):
    """A module that is imported when somebody wants something of it."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


if "rich" in sys.modules or "structlog" in sys.modules:
    import structlog
else:
    # None: an import says that there is no such module, which structlog is prepared for.
    sys.modules["rich"] = None  # type: ignore[assignment]
    later = None if "asyncio" in sys.modules else sys.modules.setdefault("asyncio", _Later("asyncio"))
    try:
        import structlog
    finally:
        del sys.modules["rich"]
        if later is not None and sys.modules.get("asyncio") is later:
            del sys.modules["asyncio"]
