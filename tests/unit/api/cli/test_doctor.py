"""Single findings of `edgelb doctor`."""

import pytest

from api.cli.finding import FAIL, OK, WARN
from api.cli.machine_checks import check_disk, check_ports, check_python, haproxy_finding
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("version", "level"), [((3, 10, 1), FAIL), ((3, 11, 0), OK), ((3, 13, 5), OK), ((3, 14, 0), FAIL)]
)
def test_python_has_to_be_3_11_to_3_13(version: tuple[int, ...], level: str) -> None:
    """As pyproject.toml says."""
    assert check_python(version).level == level


@pytest.mark.parametrize(
    ("output", "level", "seen"),
    [
        (None, WARN, "not found"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/05/12 - https://haproxy.org/", OK, "2.6.12-1+deb12u4"),
        ("HA-Proxy version 2.2.9-2 2020/11/30", FAIL, "2.2.9-2"),
        ("HAProxy version 3.0.1", OK, "3.0.1"),
        ("nonsense", WARN, "nonsense"),
    ],
)
def test_haproxy_has_to_be_2_6_or_later(output: str | None, level: str, seen: str) -> None:
    """What `haproxy -v` prints."""
    found = haproxy_finding(output)

    assert (found.level, found.seen) == (level, seen)
    assert bool(found.advice) == (level != OK)


def test_a_free_port_is_ok() -> None:
    """Nothing listens there."""
    (found,) = check_ports((f"127.0.0.1:{free_port()}",))

    assert (found.level, found.seen) == (OK, "free")


def test_disk_is_looked_at_where_it_is_used(tmp_path: object) -> None:
    """The path is in the finding."""
    assert str(tmp_path) in check_disk(str(tmp_path)).seen
