"""What a change of a pool does to its configuration."""

import pytest

from api.validation.comparison import Comparison, compare
from api.validation.judgement import as_stored
from scheduler.pools.model import MapRule, Pool
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service


def compared(before: Pool | None, after: Pool | None) -> Comparison:
    return compare(*(as_stored(one) if one is not None else None for one in (before, after)))


WEB = pool("web", frontend("web", "app", MapRule(backend="app", host_eq="a.test")), backend("app"))


@pytest.mark.parametrize(
    ("after", "action", "reason"),
    [
        (
            pool("web", *WEB.haproxy.frontends, *WEB.haproxy.backends, count=3),
            "noop",
            "HAProxy is told the same but for its servers",
        ),
        (
            pool("web", frontend("web", "app", MapRule(backend="app", host_eq="b.test")), backend("app")),
            "dynamic",
            "1 map changed",
        ),
        (
            pool("web", *WEB.haproxy.frontends, backend("app", balance="source")),
            "reload",
            "30-backends-21.cfg: backend app changed",
        ),
    ],
)
def test_the_action_is_what_an_instance_would_do(after: Pool, action: str, reason: str) -> None:
    """By what lbmgr goes by."""
    found = compared(WEB, after)
    assert (found.action, found.reason) == (action, reason)
    assert bool(found.diff) is (action != "noop")


def test_tasks_that_are_selected_otherwise_are_no_change_of_the_configuration() -> None:
    """Servers come and go without it."""
    assert compared(WEB, pool("web", *WEB.haproxy.frontends, backend("app", service(task_name="x")))).action == "noop"


def test_the_lines_are_those_of_the_files() -> None:
    """As `diff -u` has them; of a new pool all."""
    found = compared(WEB, pool("web", *WEB.haproxy.frontends, backend("app", balance="leastconn")))
    assert "-    balance roundrobin" in found.diff
    assert "+    balance leastconn" in found.diff
    created = compared(None, WEB)
    assert created.action == ""
    assert created.diff[0] == "--- /dev/null"
    assert all(line[0] in "+-@" for line in created.diff)
    assert [line[0] for line in compared(WEB, None).diff].count("-") > 10
