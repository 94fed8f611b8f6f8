"""What HAProxy says on its sockets and its stderr, recorded from HAProxy 2.6.12."""

from pathlib import PurePath

import pytest

from pool_executor.lbmgr.haproxy.master import Processes, parse_processes
from pool_executor.lbmgr.haproxy.runtime import SERVER_OPTIONS, capabilities, parse_info
from pool_executor.lbmgr.structure.instance import Instance

SHOW_PROC = """#<PID>          <type>          <reloads>       <uptime>        <version>
11135           master          3 [failed: 1]   0d00h00m03s     2.6.12-1+deb12u4
# workers
11189           worker          1               0d00h00m02s     2.6.12-1+deb12u4
# old workers
11138           worker          2               0d00h00m09s     2.6.12-1+deb12u4
# programs
"""


def test_show_proc_tells_reloads_and_workers() -> None:
    """Reloads, failures since the last success, the workers in charge and those that leave."""
    assert parse_processes(SHOW_PROC) == Processes(reloads=3, failed=1, workers=(11189,), leaving=(11138,))


@pytest.mark.parametrize("text", ["", "Permission denied", "# workers\n1 worker 0"])
def test_an_answer_without_a_master_is_none(text: str) -> None:
    """A master that executes itself anew may answer nothing."""
    assert parse_processes(text) is None


def test_show_info_keeps_colons_in_values() -> None:
    """Only the first colon separates."""
    assert parse_info("Pid: 7\ndescription: web/3.17/1\nNode: a:b\n\n") == {
        "Pid": "7",
        "description": "web/3.17/1",
        "Node": "a:b",
    }


@pytest.mark.parametrize(
    ("version", "known"), [("2.6.12-1+deb12u4", True), ("3.0.1", True), ("2.4.0", False), ("unknown", False)]
)
def test_servers_are_changed_at_run_time_from_version_2_6_on(version: str, known: bool) -> None:
    """For an older or unknown HAProxy every change is a reload."""
    assert capabilities(version).server_options == (SERVER_OPTIONS if known else {})


def test_the_instance_file_quotes_what_it_is_given() -> None:
    """Quotes, dollars and backslashes in a path or name reach HAProxy as they are."""
    instance = Instance(
        task_id='a"b$c',
        ports={"web-1": 80},
        sockets=PurePath("/run/edgelb-x"),
        state=PurePath("/sand box/state"),
    )
    text = instance.text("web/1.2/3", PurePath("/sand box"), welcome=True)
    assert 'setenv INSTANCE "a\\"b\\$c"' in text
    assert 'setenv PORT_WEB_1 "80"' in text
    assert 'setenv MAPS "/sand box/maps"' in text
    assert 'description "web/1.2/3"' in text
    with pytest.raises(ValueError, match="line break"):
        instance.text("two\nlines", PurePath("/"), welcome=True)
