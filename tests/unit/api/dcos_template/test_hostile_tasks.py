"""Tasks of somebody who means harm, from the JSON of Mesos to the text for HAProxy.

Names, ids, labels, addresses, ports and sizes are any; nothing may raise, what is written has to be what lbmgr
understands, and the other pool must not notice.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.dcos_template.publishing.problem import Problem, encode_problem
from api.dcos_template.selecting.endpoint import Endpoint
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.servers import OPTIONS
from api.mesos_listener.service import PAGE_BYTES
from api.mesos_listener.wire import from_message, to_message
from pool_executor.contract import decode_server, encode_server, server_line
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.model import EndpointType, Revision
from sdk.net.address import Reach, parse, reach
from tests.support.composed import servers_of
from tests.support.odd_tasks import FRAMEWORK, TASKS, WORDS
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service
from tests.unit.api.mesos_listener import messages as m

# Everything that is not the victim's own task, in all ways to reach it.
EVERYTHING = pool(
    "everything",
    frontend("web", "auto"),
    backend("auto", service(Wish(all_ports=True), task_name_pattern="(?s).")),
    *(
        backend(f"b{number}", service(Wish(type=kind, all_ports=every), task_id_pattern="^[^v]"))
        for number, (kind, every) in enumerate(
            (kind, every)
            for kind in (EndpointType.AUTO_IP, EndpointType.AGENT_IP, EndpointType.CONTAINER_IP)
            for every in (False, True)
        )
    ),
    backend("marathon", service(service_id_pattern="(?s).", framework_id=FRAMEWORK)),
    backend("trusting", service(Wish(all_ports=True, trust_announced=True), framework_id=FRAMEWORK)),
)
VICTIM = pool("victim", frontend("web", "app"), backend("app", service(task_name="victim", framework_id="f1")))


def lines_of(selection: Selection, name: str) -> dict[str, list[str]]:
    """The lines of the servers by their backends."""
    found: dict[str, list[Endpoint]] = {}
    for group, _, endpoint in selection.backends.endpoints(name):
        found.setdefault(group, []).append(endpoint)
    return {
        group: [server_line(decode_server(encode_server(one), group), OPTIONS) for one in servers_of(endpoints)]
        for group, endpoints in found.items()
    }


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(TASKS, max_size=3), WORDS)
def test_no_task_raises_writes_what_it_wants_or_is_noticed_by_others(raw: list[Any], framework: str) -> None:
    """Through the listener's index, the wire, the selection and the text."""
    good = m.running("victim", framework="f1")
    good["resources"].append(m.ports_json(31100, 31100))
    agents, frameworks = [m.agent_json("a1")], [m.framework_json(FRAMEWORK, framework), m.framework_json("f1", "good")]
    index, selection = m.JsonIndex(), Selection()
    selection.set_pool(EVERYTHING)
    selection.set_pool(VICTIM)
    begin = index.take(m.subscribed([good], agents, frameworks), 0.0)
    selection.update(begin.updated, begin.removed)
    before = lines_of(selection, "victim")
    assert "agentip_10.0.0.1_31100" in before["app"][0]
    for one in raw:
        for event in (m.task_added(one), {"type": "TASK_UPDATED", "task_updated": {"status": one, "state": one}}):
            delta = index.take(event, 1.0)
            messages = [to_message(task) for task in delta.updated]
            assert all(message.ByteSize() < PAGE_BYTES for message in messages)
            selection.update([from_message(message) for message in messages], delta.removed, delta.missing)
    assert lines_of(selection, "victim") == before
    for lines in lines_of(selection, "everything").values():
        for line in lines:
            assert "evil" not in line
            assert line.isprintable()
    for name, _, end in selection.backends.endpoints("everything"):
        address = parse(end.host)
        assert address is not None
        assert name == "trusting" or reach(address) is Reach.HOST
    problem = Problem.of(Revision("u1", 1), selection.left_out("everything"))
    assert problem is None or len(encode_problem(problem)) < 30_000
