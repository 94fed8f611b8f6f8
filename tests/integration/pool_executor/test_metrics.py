"""What the statistics port tells of an instance: HAProxy's metrics with lbmgr's beside them, and the configuration."""

import re
import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pool_executor.contract import LBMGR_SOCKET, InstanceStatus
from tests.golden.test_haproxy_config import texts
from tests.integration.pool_executor.harness import Lbmgr, Publisher, applied
from tests.support.haproxies import BOTH
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

LBMGR, HAPROXY = "edgelb_lbmgr_", "haproxy_"


def publish(publisher: Publisher, rendered: str) -> InstanceStatus:
    """What dcos-template renders for a pool with a frontend `web`, without servers."""
    publisher.publish_servers({})
    return applied(
        publisher, publisher.publish_parts({name: (one.part, one.text) for name, one in texts(rendered).items()})
    )


def metrics(lbmgr: Lbmgr, query: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Values by name and labels; each family stands once."""
    status, text = lbmgr.get(f"metrics{query}", lbmgr.stats)
    assert status == 200, text
    families = list(text_string_to_metric_families(text + "\n"))
    assert len({family.name for family in families}) == len(families)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def tells(lbmgr: Lbmgr, query: str = "") -> set[str]:
    """Whose metrics there are; nothing while the answer is an error."""
    status, text = lbmgr.get(f"metrics{query}", lbmgr.stats)
    return {prefix for prefix in (LBMGR, HAPROXY) if f"\n{prefix}" in text} if status == 200 else set()


def test_both_are_told_at_one_place(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """What lbmgr did, how it is, and what HAProxy serves; a scope asks for a part of it."""
    publish(publisher, "simple")
    found = metrics(lbmgr)
    assert found[f"{LBMGR}changes_total", frozenset({("action", "reload")})] == 1
    for name, value in (("healthy", 1), ("zookeeper_connected", 1), ("operations_behind", 0), ("old_workers", 0)):
        assert found[LBMGR + name, frozenset()] == value
    (info,) = (dict(labels) for name, labels in found if name == f"{LBMGR}info")
    assert (info["pool"], info["task"]) == ("web", "task-1")
    assert any(name == "haproxy_frontend_status" for name, _ in found)

    assert tells(lbmgr, "?scope=lbmgr") == {LBMGR}
    assert tells(lbmgr, "?scope=frontend&scope=lbmgr") == {LBMGR, HAPROXY}
    assert tells(lbmgr, "?scope=frontend") == {HAPROXY}
    assert lbmgr.get("metrics?scope=nonsense", lbmgr.stats)[0] == 400


@pytest.mark.slow
def test_a_lbmgr_that_hangs_hides_nothing_of_haproxy(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Its own metrics are missing until it goes on."""
    publish(publisher, "simple")
    assert tells(lbmgr) == {LBMGR, HAPROXY}
    lbmgr.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: tells_in_time(lbmgr) == {HAPROXY}, timeout=40, what="HAProxy answers alone")
    finally:
        lbmgr.signal(signal.SIGCONT)
    wait_until(lambda: tells(lbmgr) == {LBMGR, HAPROXY}, timeout=40, what="both are told again")


def tells_in_time(lbmgr: Lbmgr) -> set[str]:
    """Nothing where no answer comes."""
    try:
        return tells(lbmgr)
    except (TimeoutError, OSError):
        return set()


def test_a_socket_that_is_gone_costs_no_answer(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """The first request after it finds HAProxy's own."""
    publish(publisher, "simple")
    assert tells(lbmgr) == {LBMGR, HAPROXY}
    socket_of(lbmgr).unlink()
    assert tells(lbmgr) == {HAPROXY}
    assert "lb-config web" in lbmgr.get("_haproxy_getconfig", lbmgr.stats)[1]


def socket_of(lbmgr: Lbmgr) -> Path:
    """At which HAProxy asks it."""
    text = (lbmgr.sandbox / "haproxy.d/current/00-instance.cfg").read_text()
    found = re.search(r'setenv SOCKETS "(.*)"', text)
    assert found
    return Path(found[1]) / LBMGR_SOCKET


def test_the_configuration_is_shown_on_the_machine_without_secrets(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Elsewhere a command tells it."""
    publish(publisher, "answers")
    wait_until(lambda: (lbmgr.sandbox / "haproxy.cfg").exists(), what="the file for people")
    status, text = lbmgr.get("_haproxy_getconfig", lbmgr.stats)
    assert status == 200
    assert text.splitlines()[0] == "# ---- 00-instance.cfg"
    written = (lbmgr.sandbox / "haproxy.cfg").read_text()
    hashes = re.findall(r"user \S+ password '(\S+)'", written)
    assert hashes
    assert not [one for one in hashes if one in text]
    assert text.count("password <hidden>") == len(hashes)
    assert len(text.splitlines()) == len(written.splitlines())
