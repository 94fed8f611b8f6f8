"""Paths of services as paths of servers."""

import pytest

from scheduler.pools.v1.paths import v1_path

AT = "pool.haproxy.backends[3]"


@pytest.mark.parametrize(
    ("version_2", "version_1"),
    [
        ("pool.count", "pool.count"),
        (f"{AT}.name", f"{AT}.name"),
        (f"{AT}.services[12]", f"{AT}.servers[12]"),
        (f"{AT}.services[0].endpoint", f"{AT}.servers[0]"),
        (f"{AT}.services[0].endpoint.port", f"{AT}.servers[0].port.vip"),
        (f"{AT}.services[0].endpoint.portName", f"{AT}.servers[0].port.name"),
        (f"{AT}.services[0].endpoint.allPorts", f"{AT}.servers[0].port.all"),
        (f"{AT}.services[0].endpoint.check.customStr", f"{AT}.servers[0].check.customStr"),
        (f"{AT}.services[0].endpoint.miscStr", f"{AT}.servers[0].miscStr"),
        (f"{AT}.services[0].mesos.taskNamePattern", f"{AT}.servers[0].task.value"),
        (f"{AT}.services[0].mesos.frameworkName", f"{AT}.servers[0].framework.value"),
        (f"{AT} (b) and {AT}.services[1].endpoint.type x", f"{AT} (b) and {AT}.servers[1].type x"),
    ],
)
def test_what_stands_elsewhere_in_version_1_is_named_there(version_2: str, version_1: str) -> None:
    """Also within sentences."""
    assert v1_path(version_2) == version_1
