"""Tasks of somebody who means harm, as JSON of Mesos: names, ids, labels, addresses, ports and sizes are any."""

import json
from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.unit.api.mesos_listener import messages as m

#: The framework of all of them.
FRAMEWORK = "f2"

ODD = st.sampled_from(
    [
        "",
        " ",
        "a b",
        "app",
        "app\n    server evil 192.0.2.1:80",
        '"\\$HOME`;#',
        "${X}",
        "\ud800",
        "\U0001f600" * 300,
        "edgelb",
        "shop_web.0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
        "web.shop",
        "%[src]",
    ]
)
WORDS = st.one_of(ODD, st.text(max_size=30), st.integers(0, 3).map(lambda power: "n" * 10 * 20**power))
ADDRESSES = st.one_of(
    st.sampled_from(
        [
            "10.0.0.1",
            "10.1.2.3",
            "127.0.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "fe80::1%eth0",
            "::1%x\n    server evil 192.0.2.1:80",
            "::ffff:127.0.0.1",
            "2001:DB8::7",
            "[::1]",
            "10.0.0.1:80",
            "host.example",
        ]
    ),
    st.ip_addresses().map(str),
    WORDS,
)
NUMBERS = st.one_of(st.integers(30990, 31010), st.integers(-(2**70), 2**70), st.sampled_from([0, 22, 65535, 65536]))
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
_ALWAYS: dict[str, st.SearchStrategy[Any]] = {
    "task_id": st.just({"value": "evil"}) | either(st.fixed_dictionaries({"value": WORDS})),
    "framework_id": st.just({"value": FRAMEWORK}),
    "agent_id": st.just({"value": "a1"}) | ANY,
    "state": st.just("TASK_RUNNING"),
    "statuses": either(st.lists(STATUS, max_size=2)),
    "resources": RESOURCES,
}
_SOMETIMES: dict[str, st.SearchStrategy[Any]] = {
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
}
# Those who have everything pass more doors. Numbers may be what JSON has no word for.
TASKS = st.fixed_dictionaries(_ALWAYS, optional=_SOMETIMES) | st.fixed_dictionaries(_ALWAYS | _SOMETIMES)


def odd_tasks(count: int) -> list[m.Json]:
    """About so many of them, others each time; each has an id of its own, where it has one."""
    found: list[m.Json] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate])
    @given(TASKS)
    def collect(task: m.Json) -> None:
        assume(_sayable(task))
        if task["task_id"] == {"value": "evil"}:
            task["task_id"] = {"value": f"evil.{len(found)}"}
        found.append(task)

    collect()
    return found


def _sayable(task: m.Json) -> bool:
    """Whether JSON can say it."""
    try:
        json.dumps(task, allow_nan=False)
    except ValueError:
        return False
    return True
