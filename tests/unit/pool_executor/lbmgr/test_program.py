"""Which HAProxy is good enough, by what it tells of itself."""

from pathlib import Path

import pytest

from pool_executor.lbmgr.haproxy.program import CHOICE, check, find
from sdk.errors import EnvironmentProblem

#: Of `haproxy -vv`, shortened.
DEBIAN = """HAProxy version 2.6.12-1+deb12u4 2026/08/28 - https://haproxy.org/
Feature list : +EPOLL -KQUEUE +THREAD +OPENSSL +LUA -QUIC +PROMEX

Built with the Prometheus exporter as a service
Available services : prometheus-exporter
Available filters :
"""


def test_debians_haproxy_is_good_enough() -> None:
    """Its version is told as it says."""
    assert check("/usr/sbin/haproxy", DEBIAN) == "2.6.12-1+deb12u4"


@pytest.mark.parametrize(
    ("replaced", "by", "message"),
    [
        ("version 2.6.12", "version 2.4.22", "/h is HAProxy 2.4.22-1+deb12u4; 2.6 or later is needed"),
        ("+OPENSSL", "-OPENSSL", "without OpenSSL: install another build"),
        ("+THREAD", "-THREAD", "without threads: install another build"),
        ("services : prometheus-exporter", "services : none", "without the Prometheus exporter: install another build"),
        (DEBIAN, "hello\n", "/h -vv does not tell a version: 'hello\\n'"),
    ],
)
def test_what_a_build_lacks_is_told(replaced: str, by: str, message: str) -> None:
    """The sentence becomes the message of TASK_FAILED."""
    with pytest.raises(EnvironmentProblem) as caught:
        check("/h", DEBIAN.replace(replaced, by))
    assert message in str(caught.value)


def executable(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_environment_chooses_unless_the_caller_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EDGELB_HAPROXY is for all that run on a machine."""
    (tmp_path / "vv").write_text(DEBIAN)
    one, two = (executable(tmp_path / name, f"cat {tmp_path}/vv") for name in ("one", "two"))
    monkeypatch.setenv(CHOICE, str(one))
    assert find().path == str(one)
    assert find(str(two)).path == str(two)


def test_one_that_is_missing_or_cannot_be_run_is_told(tmp_path: Path) -> None:
    """With what to do, or with what it said."""
    with pytest.raises(EnvironmentProblem, match=r"this agent has no nowhere: install HAProxy 2\.6 or later"):
        find("nowhere")
    broken = executable(tmp_path / "broken", "echo 'no libcrypt.so.1' >&2; exit 127")
    with pytest.raises(EnvironmentProblem, match=r"broken cannot be run: no libcrypt\.so\.1"):
        find(str(broken))
