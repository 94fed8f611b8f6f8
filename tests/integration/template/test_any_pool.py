"""Whatever the API takes HAProxy takes: pools of every field in any combination, on both releases."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.touched import BackendKey
from scheduler.pools.model import Pool
from scheduler.pools.schema import load_pool
from scheduler.pools.v1.schema import load_v1_config
from tests.golden.test_haproxy_config import write
from tests.support.any_pool import TASKS, valid_pools
from tests.support.haproxies import BOTH
from tests.support.pools import SUPPORTED, example
from tests.support.v1_pools import SUPPORTED as SUPPORTED_V1
from tests.support.v1_pools import config
from tests.unit.api.dcos_template.pools import COOKIE_KEY, task

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def refusal(pool: Pool, binary: str) -> str:
    """What HAProxy says against the configuration with its servers; empty when it takes it."""
    selection = Selection()
    selection.set_pool(pool)
    selection.update([task(name, agent_address=f"10.0.0.{number}") for number, name in enumerate(TASKS, 1)], ())
    endpoints = {
        one.name: selection.backends.endpoints_of(BackendKey(pool.name, one.name)) for one in pool.haproxy.backends
    }
    ports = {name: 20000 + at for at, name in enumerate(["stats", *(one.name for one in pool.haproxy.frontends)])}
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory), render(build_config(pool, COOKIE_KEY)), endpoints, ports)
        files = sorted(path.name for path in Path(directory).glob("*.cfg"))
        arguments = [argument for file in files for argument in ("-f", file)]
        done = subprocess.run([binary, "-c", *arguments], cwd=directory, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("binary", BOTH)
def test_haproxy_takes_every_pool_that_the_api_takes(binary: str) -> None:
    """With servers of every service in it."""

    @settings(max_examples=50)
    @given(valid_pools())
    def takes(pool: Pool) -> None:
        assert refusal(pool, binary) == ""

    takes()


@pytest.mark.parametrize("binary", BOTH)
def test_haproxy_takes_the_documented_pools(binary: str) -> None:
    """All that are not refused for a field that is not supported yet."""
    pools = [load_pool(example(name)) for name in SUPPORTED]
    pools += [pool for name in SUPPORTED_V1 for pool in load_v1_config(config(name))]
    assert {pool.name: found for pool in pools if (found := refusal(pool, binary))} == {}
