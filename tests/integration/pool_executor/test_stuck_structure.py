"""Servers follow the tasks while the rest of a configuration cannot be had: refused, waiting, blocked or failing."""

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pool_executor.lbmgr.haproxy.program import find
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, applied, hold_port, told
from tests.support.backends import Backend, backends
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

REFUSED = replace(Pool(), more="backend extra\n    balance nonsense\n")
WAITING = replace(Pool(), port="admin")
# `haproxy -c` opens no sockets, so only the reload finds out.
FAILING = replace(Pool(), more="frontend extra\n    bind unix@/nonexistent/directory/socket\n")


def pool(shape: Pool, *running: Backend) -> Pool:
    return replace(shape, servers=tuple((backend.name, backend.port) for backend in running))


def serves(lbmgr: Lbmgr, *running: Backend) -> None:
    wanted = {backend.answer for backend in running}
    wait_until(lambda: lbmgr.answers() == wanted, what=f"answers from {sorted(wanted)}")


@pytest.mark.parametrize(("shape", "verdict"), [(REFUSED, "rejected"), (WAITING, "applied"), (FAILING, "rejected")])
def test_servers_come_and_go_while_the_structure_is_stuck(
    publisher: Publisher, lbmgr: Lbmgr, shape: Pool, verdict: str
) -> None:
    """A dead task gets no request, a new one gets its share, also after HAProxy and lbmgr were started again."""
    with backends(4) as (one, two, three, four):
        applied(publisher, publisher.publish(pool(Pool(), one, two)))
        publisher.publish(pool(shape, one, two))
        told(publisher, verdict)
        publisher.publish(pool(shape, two, three))
        serves(lbmgr, two, three)
        publisher.publish(pool(shape, four))  # all that were there go at once
        serves(lbmgr, four)
        assert told(publisher, verdict).healthy
        lbmgr.kill()
        lbmgr.start()
        serves(lbmgr, four)
        healed = applied(publisher, publisher.publish(pool(Pool(), three, four)))
        assert (healed.counters["reload"], healed.structure.error) == (0, None)
        serves(lbmgr, three, four)


def test_a_server_that_goes_with_the_change_that_fails_stays_out(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The old worker goes on after a failed reload, but not with tasks that are dead, not even the last."""
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(pool(Pool(), one, two)))
        publisher.publish(pool(FAILING, two))
        assert told(publisher, "rejected").counters["reload_failed"] == 1
        serves(lbmgr, two)
        publisher.publish(pool(FAILING))
        wait_until(lambda: lbmgr.get()[0] == 503, what="no server is left")


def test_a_port_in_the_way_does_not_hold_up_the_removal_of_servers(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """The new frontend waits until the port is free."""
    lbmgr = make_lbmgr().start()
    port = free_port()
    more = replace(Pool(), more=f"frontend extra\n    bind 127.0.0.1:{port}\n")
    with backends(3) as (one, two, three):
        with hold_port(port, share=False):
            applied(publisher, publisher.publish(pool(Pool(), one, two)))
            published = publisher.publish(pool(more, two, three))
            assert f"127.0.0.1:{port}" in (told(publisher, "rejected").structure.error or "")
            serves(lbmgr, two, three)
        applied(publisher, published)
        serves(lbmgr, two, three)


def test_new_versions_do_not_void_the_pause_after_a_failed_reload(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Their servers are followed at once; the same structure is not tried again for it, another one is, soon."""
    with backends(3) as (one, two, three):
        applied(publisher, publisher.publish(pool(Pool(), one)))
        publisher.publish(pool(FAILING, one))
        told(publisher, "rejected")
        for running in ((one, two), (two,), (two, three), (three,), (three, one), (one,)):
            publisher.publish(pool(FAILING, *running))
            serves(lbmgr, *running)
        assert publisher.statuses()["task-1"].counters["reload_failed"] == 1
        cured = replace(Pool(), more="backend extra\n")
        assert applied(publisher, publisher.publish(pool(cured, one, two))).structure.action == "reload"
        serves(lbmgr, one, two)


def test_a_haproxy_that_was_dead_meanwhile_learns_of_the_servers_when_it_is_back(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """It is started on the files of before, and what a refused version said of servers is told to it."""
    lbmgr = make_lbmgr().start()
    with backends(2) as (one, two):
        haproxy = applied(publisher, publisher.publish(pool(Pool(), one))).haproxy
        lbmgr.halt()
        for pid in (haproxy.master or 0, *haproxy.workers):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not listens(lbmgr.web), what="its port is free")
        with hold_port(lbmgr.web, share=False):
            publisher.publish(pool(REFUSED, two))
            lbmgr.signal(signal.SIGCONT)
            wait_until(
                lambda: "already has a listener" in str(publisher.statuses()["task-1"].structure.waiting),
                what="an obstacle",
            )
        serves(lbmgr, two)


def test_servers_come_and_go_while_haproxy_checks_a_configuration(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], tmp_path: Path
) -> None:
    """However long that takes; what changed meanwhile is told to the worker that has read the new one."""
    hold, program = tmp_path / "hold", tmp_path / "slow-haproxy"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then while [ -e {hold} ]; do sleep 0.02; done; fi\nexec {find().path} "$@"\n'
    )
    program.chmod(0o755)
    lbmgr = make_lbmgr(haproxy=program).start()
    with backends(4) as (one, two, three, four):
        applied(publisher, publisher.publish(pool(Pool(), one, two)))
        hold.touch()
        publisher.publish(replace(pool(Pool(), one, two), more="backend extra\n"))
        wait_until(lambda: list(tmp_path.glob("sandbox-0/haproxy.d/*/.check"))[1:], what="the check began")
        for running in ((two,), (two, three), (three, four)):
            published = publisher.publish_servers(pool(Pool(), *running).records())
            serves(lbmgr, *running)
        hold.unlink()
        status = applied(publisher, published)
        assert status.counters["reload"] == 2
        assert lbmgr.answers() == {three.answer, four.answer}


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_what_haproxy_does_not_survive_reading_is_not_loaded(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], tmp_path: Path
) -> None:
    """Its workers would end with a master that falls over its files: it is asked in a process of its own before."""
    program = tmp_path / "frail-haproxy"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -c ]; then for file in "$@"; do if grep -qs deadly "$file"; then kill -SEGV $$; fi; done; fi\n'
        f'exec {find().path} "$@"\n'
    )
    program.chmod(0o755)
    lbmgr = make_lbmgr(haproxy=program).start()
    with backends(1) as (one,):
        before = applied(publisher, publisher.publish(pool(Pool(), one)))
        publisher.publish(replace(pool(Pool(), one), more="backend extra\n    # deadly\n"))
        status = told(publisher, "rejected")
        assert "haproxy -c ended with status" in (status.structure.error or "")
        assert status.haproxy == before.haproxy
        assert status.counters["reload"] == before.counters["reload"]
        serves(lbmgr, one)
