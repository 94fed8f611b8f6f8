"""What differs between two specs: nothing is left out, and nothing secret is told."""

import json
from dataclasses import fields, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.codecs import encode
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.spec import (
    CommandSpec,
    ExecutorSpec,
    HealthCheckSpec,
    PodSpec,
    PortSpec,
    RecoveryPolicy,
    TaskSpec,
    UpdateStrategy,
    UriSpec,
)
from sdk.plan.difference import Difference, difference
from sdk.plan.disclosure import HIDDEN, disclosed

_SECRETS = st.sampled_from(["s3cret-1", "s3cret-2"])
# Few values, so that two specs are often the same in most of them.
_WORDS = st.sampled_from(["a", "b", "a.b", "of all"])
_NUMBERS = st.sampled_from([0, 1])
_FLOATS = st.sampled_from([0.0, 0.5])
_DATA = st.recursive(
    _SECRETS | st.none(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2)
)
_PAIRS = st.lists(st.tuples(_WORDS, _WORDS), max_size=2).map(tuple)
_ENVIRONMENT = st.dictionaries(_WORDS, _SECRETS, max_size=2)
_URIS = st.builds(
    UriSpec, value=_SECRETS.map("https://user:{0}@host/path?key={0}#{0}".format), output_file=st.none() | _WORDS
)
_COMMANDS = st.builds(
    CommandSpec, value=_WORDS, environment=_ENVIRONMENT, uris=st.lists(_URIS, max_size=2).map(tuple), user=_WORDS
)
_RANGES = st.lists(st.tuples(_NUMBERS, _NUMBERS), max_size=2).map(tuple)
_TASKS = st.builds(
    TaskSpec,
    name=_WORDS,
    cpus=_NUMBERS,
    mem=_NUMBERS,
    ports=st.lists(st.builds(PortSpec, name=_WORDS, number=_NUMBERS, ranges=_RANGES, labels=_PAIRS), max_size=2).map(
        tuple
    ),
    command=st.none() | _COMMANDS,
    executor=st.none() | st.builds(ExecutorSpec, command=_COMMANDS, shutdown_grace=_FLOATS),
    container=st.builds(
        ContainerSpec,
        image=st.none() | _WORDS,
        networks=st.lists(st.builds(NetworkSpec, name=_WORDS, labels=_PAIRS), max_size=2).map(tuple),
    ),
    environment=_ENVIRONMENT,
    labels=_PAIRS,
    volatile_labels=_PAIRS,
    data=st.none() | st.dictionaries(_WORDS, _DATA, max_size=2),
    health_check=st.none() | st.builds(HealthCheckSpec, command=_WORDS, grace=_FLOATS),
    kill_grace=_FLOATS,
)
_PODS = st.builds(
    PodSpec,
    name=_WORDS,
    count=_NUMBERS,
    tasks=st.lists(_TASKS, max_size=3).map(tuple),
    role=_WORDS,
    constraints=st.lists(st.tuples(_WORDS, _WORDS), max_size=2).map(tuple),
    recovery=st.builds(RecoveryPolicy, replace_after=_FLOATS),
    update=st.builds(UpdateStrategy, max_surge=_NUMBERS),
)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[PodSpec, PodSpec]:
    """Two specs that differ in no field, in one of the pod or of a task, or in many."""
    one, other = draw(_PODS), draw(_PODS)
    how = draw(st.sampled_from(["copy", "pod", "task", "order", "many"]))
    if how == "many":
        return one, other
    if how == "pod":
        name = draw(st.sampled_from([field.name for field in fields(PodSpec)]))
        return one, replace(one, **{name: getattr(other, name)})
    if how == "task" and one.tasks:
        name = draw(st.sampled_from([field.name for field in fields(TaskSpec)]))
        changed = replace(one.tasks[0], **{name: getattr(draw(_TASKS), name)})
        return one, replace(one, tasks=(changed, *one.tasks[1:]))
    if how == "order":
        return one, replace(one, tasks=tuple(draw(st.permutations(one.tasks))))
    return one, replace(one)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_pairs())
def test_there_is_a_difference_when_the_stored_forms_differ_and_only_then(pair: tuple[PodSpec, PodSpec]) -> None:
    """Seen from the other side the same fields differ, with old and new exchanged; no secret is told."""
    one, other = pair
    found = difference(one, other, "")
    assert (found == ()) == (encode(one) == encode(other))
    back = difference(other, one, "")
    assert {(each.path, str(each.old), str(each.new)) for each in found} == {
        (each.path, str(each.new), str(each.old)) for each in back
    }
    told = json.dumps([[each.path, each.old, each.new] for each in found] + [disclosed(one), disclosed(other)])
    assert "s3cret" not in told


_TASK = TaskSpec(
    name="server",
    cpus=500,
    mem=64_000,
    ports=(PortSpec(name="http"), PortSpec(name="stats")),
    command=CommandSpec(value="run", environment={"TOKEN": "one", "SAME": "same"}),
    data={"key": "one", "deep": {"list": [1]}},
)
_POD = PodSpec(name="app", count=2, tasks=(_TASK,))


def _of(task: TaskSpec) -> list[tuple[str, object, object]]:
    found = difference(_POD, replace(_POD, tasks=(task,)), "")
    return [(each.path, each.old, each.new) for each in found]


def test_fields_are_told_with_path_and_both_values() -> None:
    """Tasks and ports by their names."""
    ports = (PortSpec(name="http", number=80), _TASK.ports[1])
    assert _of(replace(_TASK, cpus=700, ports=ports)) == [
        ("tasks.server.cpus", 500, 700),
        ("tasks.server.ports.http.number", 0, 80),
    ]


def test_what_comes_and_goes_is_told_whole() -> None:
    """With null on the other side; the order of those that stay is told, too."""
    stats = {
        "name": "stats",
        "number": 0,
        "ranges": [],
        "env": None,
        "protocol": "tcp",
        "labels": [],
        "container_port": None,
        "vips": [],
        "optional": False,
    }
    assert _of(replace(_TASK, ports=_TASK.ports[:1])) == [("tasks.server.ports.stats", stats, None)]
    assert _of(replace(_TASK, ports=_TASK.ports[::-1])) == [
        ("tasks.server.ports", ["http", "stats"], ["stats", "http"])
    ]


def test_of_environments_and_data_only_the_names_are_told() -> None:
    """That one was changed, added or removed; never what it is or was."""
    command = CommandSpec(value="run", environment={"TOKEN": "two", "NEW": "x"})
    assert _of(replace(_TASK, command=command, data={"key": None, "deep": {"list": [2]}})) == [
        ("tasks.server.command.environment.TOKEN", HIDDEN, HIDDEN),
        ("tasks.server.command.environment.SAME", HIDDEN, None),
        ("tasks.server.command.environment.NEW", None, HIDDEN),
        ("tasks.server.data.key", HIDDEN, HIDDEN),
        ("tasks.server.data.deep.list", HIDDEN, HIDDEN),
    ]
    assert _of(replace(_TASK, data=None)) == [("tasks.server.data", {"key": HIDDEN, "deep": {"list": HIDDEN}}, None)]


def test_of_data_the_type_counts() -> None:
    """True is not 1 to whoever reads it."""
    one, other = replace(_TASK, data={"key": 1}), replace(_TASK, data={"key": True})
    assert difference(one, other, "server") == (Difference(path="server.data.key", old=HIDDEN, new=HIDDEN),)


def test_a_uri_is_shown_without_credentials_and_query() -> None:
    """What is signed or asked for by them may be a secret; others are shown as they are."""
    shown = [disclosed(UriSpec(value=value)) for value in ("https://u:p@host:1/x?sig=1", "http://host/x", "http://[x")]
    assert [found["value"] for found in shown if isinstance(found, dict)] == [
        f"https://{HIDDEN}@host:1/x?{HIDDEN}",
        "http://host/x",
        HIDDEN,
    ]
