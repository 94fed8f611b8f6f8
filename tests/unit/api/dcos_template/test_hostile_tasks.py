"""Tasks of somebody who means harm, from the JSON of Mesos to the text for HAProxy.

Names, ids, labels, addresses, ports and sizes are any; nothing may raise, what is written has to be what lbmgr
understands, and the other pool must not notice.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.dcos_template.endpoint import Endpoint
from api.dcos_template.problem import Problem, encode_problem
from api.dcos_template.select import Selection
from api.dcos_template.servers import OPTIONS
from api.mesos_listener.service import PAGE_BYTES
from api.mesos_listener.wire import from_message, to_message
from pool_executor.contract import decode_server, encode_server, server_line
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.model import EndpointType, Revision
from sdk.net.address import Reach, parse, reach
from tests.support.composed import servers_of
from tests.support.odd_tasks import ADDRESSES, NUMBERS, WORDS
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service
from tests.unit.api.mesos_listener import messages as m

ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def either(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly of the form that Mesos documents."""
    return st.one_of(usual, usual, usual, ANY)


LABELS = either(
    st.fixed_dictionaries(
        {
            "labels": st.lists(
                st.fixed_dictionaries({"key": either(WORDS), "value": either(WORDS)})
                | st.just({"key": "network-scope", "value": "container"})
                | st.just({"key": "EDGELB_POOL", "value": "victim"}),
                max_size=4,
            )
        }
    )
)
PORTS = st.lists(
    either(
        st.fixed_dictionaries(
            {"number": either(NUMBERS)},
            optional={
                "name": either(WORDS),
                "protocol": either(st.sampled_from(["tcp", "udp", "udp,tcp"])),
                "labels": LABELS,
            },
        )
    ),
    max_size=4,
)
STATUS = st.fixed_dictionaries(
    {"state": st.just("TASK_RUNNING")},
    optional={
        "healthy": either(st.booleans()),
        "container_status": either(
            st.fixed_dictionaries(
                {
                    "network_infos": st.lists(
                        st.fixed_dictionaries(
                            {"ip_addresses": st.lists(st.fixed_dictionaries({"ip_address": ADDRESSES}), max_size=3)},
                            optional={"name": either(st.sampled_from(["calico", "bridge"]))},
                        ),
                        max_size=2,
                    )
                }
            )
        ),
    },
)
RESOURCES = either(
    st.lists(
        st.one_of(
            st.just(m.ports_json(31000, 31005)),
            st.fixed_dictionaries(
                {
                    "name": st.just("ports"),
                    "ranges": either(
                        st.fixed_dictionaries(
                            {"range": st.lists(st.fixed_dictionaries({"begin": NUMBERS, "end": NUMBERS}), max_size=2)}
                        )
                    ),
                }
            ),
        ),
        max_size=2,
    )
)
TASKS = st.fixed_dictionaries(
    {
        "task_id": st.just({"value": "evil"}) | either(st.fixed_dictionaries({"value": WORDS})),
        "framework_id": st.just({"value": "f1"}),
        "agent_id": st.just({"value": "a1"}) | ANY,
        "state": st.just("TASK_RUNNING"),
        "statuses": either(st.lists(STATUS, max_size=2)),
        "resources": RESOURCES,
    },
    optional={
        "name": either(WORDS),
        "labels": LABELS,
        "executor_id": either(st.fixed_dictionaries({"value": WORDS})),
        "discovery": either(
            st.fixed_dictionaries({"ports": either(st.fixed_dictionaries({"ports": PORTS}))}, optional={"name": WORDS})
        ),
        "container": either(
            st.fixed_dictionaries(
                {},
                optional={
                    "docker": st.fixed_dictionaries(
                        {"network": st.sampled_from(["HOST", "BRIDGE", "USER", 3])},
                        optional={
                            "port_mappings": either(
                                st.lists(
                                    st.fixed_dictionaries({"host_port": NUMBERS, "container_port": NUMBERS}), max_size=3
                                )
                            )
                        },
                    ),
                    "network_infos": either(st.lists(ANY, max_size=2)),
                },
            )
        ),
        "health_check": ANY,
    },
)

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
    backend("marathon", service(service_id_pattern="(?s).", framework_id="f1")),
    backend("trusting", service(Wish(all_ports=True, trust_announced=True), framework_id="f1")),
)
VICTIM = pool("victim", frontend("web", "app"), backend("app", service(task_name="victim", framework_id="f2")))


def lines_of(selection: Selection, name: str) -> dict[str, list[str]]:
    """The lines of the servers by their backends."""
    found: dict[str, list[Endpoint]] = {}
    for group, _, endpoint in selection.backends.endpoints(name):
        found.setdefault(group, []).append(endpoint)
    return {
        group: [server_line(decode_server(encode_server(one), group), OPTIONS) for one in servers_of(endpoints)]
        for group, endpoints in found.items()
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(TASKS, max_size=3), WORDS)
def test_no_task_raises_writes_what_it_wants_or_is_noticed_by_others(raw: list[Any], framework: str) -> None:
    """Through the listener's index, the wire, the selection and the text."""
    good = m.running("victim", framework="f2")
    good["resources"].append(m.ports_json(31100, 31100))
    agents, frameworks = [m.agent_json("a1")], [m.framework_json("f1", framework), m.framework_json("f2", "good")]
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
