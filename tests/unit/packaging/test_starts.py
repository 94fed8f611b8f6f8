"""What a process loads before it begins: only what it uses, because every start waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_LOADED = "import sys; {imports}; print(*sorted(sys.modules))"
_WEB = {"flask", "werkzeug", "marshmallow", "jinja2", "aiohttp"}
_RUN = "import api.cli.processes; import {module}"


@pytest.mark.parametrize(
    ("imports", "without"),
    [
        pytest.param(
            "import pool_executor.lbmgr.__main__",
            {*_WEB, "rich", "asyncio", "kazoo", "grpc", "pymesos", "urllib3", "msgspec", "prometheus_client"},
            id="lbmgr",
        ),
        pytest.param(
            _RUN.format(module="api.mesos_listener.main"), {*_WEB, "rich", "kazoo", "pymesos", "yaml"}, id="listener"
        ),
        pytest.param(
            _RUN.format(module="api.dcos_template.main"), {*_WEB, "rich", "urllib3", "pymesos", "yaml"}, id="template"
        ),
        pytest.param(
            "import api.dcos_template.rendering.renderer",
            {"rich", "kazoo", "grpc", "flask", "prometheus_client"},
            id="renderer",
        ),
        pytest.param(_RUN.format(module="api.web.main"), {"rich", "grpc", "pymesos", "aiohttp"}, id="api"),
        pytest.param(_RUN.format(module="scheduler.main"), {"rich", "grpc", "aiohttp"}, id="scheduler"),
        pytest.param("import api.cli.main", {*_WEB, "rich", "structlog", "urllib3", "kazoo", "grpc"}, id="edgelb"),
        pytest.param(
            "import api.cli.main, api.cli.status", {*_WEB, "rich", "structlog", "kazoo", "grpc"}, id="edgelb-status"
        ),
    ],
)
def test_a_process_does_not_load_what_it_does_not_use(imports: str, without: set[str]) -> None:
    """The libraries are installed here, and some of them take a quarter of a second."""
    command = [sys.executable, "-c", _LOADED.format(imports=imports)]
    loaded = set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())
    assert loaded & without == set()


def test_rich_can_be_used_after_structlog_was_imported_without_it() -> None:
    """What waits on a terminal draws with it."""
    imports = "import sdk.lean_structlog; import rich.live; import structlog"
    command = [sys.executable, "-c", _LOADED.format(imports=imports)]
    loaded = set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())
    assert {"rich.live", "structlog"} <= loaded


def test_coroutines_can_log_after_structlog_was_imported_without_asyncio() -> None:
    """asyncio is there when it is wanted, and is the one of everybody else."""
    program = """
import sys
from sdk.lean_structlog import structlog
assert "asyncio" not in sys.modules
import asyncio
async def told():
    await structlog.wrap_logger(
        structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(0)
    ).adebug("x")
    assert structlog.stdlib.asyncio.get_running_loop() is asyncio.get_running_loop()
asyncio.run(told())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "x" in done.stdout) == (0, True), done.stderr
