"""Settings of the scheduler process: how it is reached, and which values are refused."""

import socket
from pathlib import Path
from typing import Any

import pytest

from scheduler.config import SchedulerSettings, default_frameworks
from sdk.errors import InvalidSpec

GOOD: dict[str, Any] = {"zk": "a:1", "zk_root": "/edgelb", "mesos": "m:5050", "frameworks": Path("frameworks.json")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"listen": "0.0.0.0:8090"}, f"http://{socket.gethostname()}:31000"),
        ({"listen": "127.0.0.1:0"}, "http://127.0.0.1:31000"),
        ({"listen": "[::1]:0"}, "http://[::1]:31000"),
        ({"certificate": Path("a"), "key": Path("b")}, "https://127.0.0.1:31000"),
        ({"advertise": "https://lb.example/service/edgelb/"}, "https://lb.example/service/edgelb"),
    ],
)
def test_the_advertised_address_is_one_that_others_can_use(change: dict[str, Any], expected: str) -> None:
    """The bound port with the address that was listened on, the host's name for all addresses, or what was given."""
    assert SchedulerSettings(**GOOD | change).advertised(31000) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"listen": "8090"},
        {"listen": "host:99999"},
        {"zk_root": "edgelb"},
        {"zk_root": "/"},
        {"advertise": "lb.example:8090"},
        {"replace_after": -1.0},
        {"certificate": Path("a.pem")},
        {"key": Path("a.key")},
        {"client_ca": Path("ca.pem")},
    ],
)
def test_what_can_never_work_is_refused(change: dict[str, Any]) -> None:
    """InvalidSpec before anything is started."""
    SchedulerSettings(**GOOD).check()
    with pytest.raises(InvalidSpec):
        SchedulerSettings(**GOOD | change).check()


@pytest.mark.parametrize(
    ("mesos", "here"),
    [
        ("127.0.0.1:5050", True),
        ("localhost", True),
        ("http://[::1]:5050,127.0.0.1", True),
        ("https://[::1]", True),
        ("zk://user:secret@127.0.0.1/mesos", True),
        ("zk://127.0.0.1:2181,[::1]:2182/mesos", True),
        ("zk://user:secret@zk1,zk2/mesos", False),
        ("127.0.0.1:5050,10.0.0.1:5050", False),
        ("leader.mesos", False),
    ],
)
def test_whether_agents_may_be_on_this_machine_is_read_from_every_form_of_address(mesos: str, here: bool) -> None:
    """With a login, without a port, of version 6."""
    assert SchedulerSettings(**GOOD | {"mesos": mesos}).mesos_is_here() is here


def test_the_packaged_frameworks_are_found() -> None:
    """In a source tree it is the file at the top."""
    assert default_frameworks().name == "frameworks.json"
    assert default_frameworks().exists()
