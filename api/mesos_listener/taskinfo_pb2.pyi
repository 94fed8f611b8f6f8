from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NetworkMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOST: _ClassVar[NetworkMode]
    BRIDGE: _ClassVar[NetworkMode]
    CONTAINER: _ClassVar[NetworkMode]
HOST: NetworkMode
BRIDGE: NetworkMode
CONTAINER: NetworkMode

class Filter(_message.Message):
    __slots__ = ("terms",)
    TERMS_FIELD_NUMBER: _ClassVar[int]
    terms: _containers.RepeatedCompositeFieldContainer[Term]
    def __init__(self, terms: _Optional[_Iterable[_Union[Term, _Mapping]]] = ...) -> None: ...

class Term(_message.Message):
    __slots__ = ("field", "text", "pattern", "key")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    field: str
    text: str
    pattern: bool
    key: str
    def __init__(self, field: _Optional[str] = ..., text: _Optional[str] = ..., pattern: _Optional[bool] = ..., key: _Optional[str] = ...) -> None: ...

class SelectRequest(_message.Message):
    __slots__ = ("watch", "filter", "number")
    WATCH_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    watch: str
    filter: Filter
    number: int
    def __init__(self, watch: _Optional[str] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., number: _Optional[int] = ...) -> None: ...

class SelectAnswer(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ValuesRequest(_message.Message):
    __slots__ = ("field", "like", "most", "marathon", "key")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LIKE_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    MARATHON_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    field: str
    like: str
    most: int
    marathon: bool
    key: str
    def __init__(self, field: _Optional[str] = ..., like: _Optional[str] = ..., most: _Optional[int] = ..., marathon: _Optional[bool] = ..., key: _Optional[str] = ...) -> None: ...

class ValuesAnswer(_message.Message):
    __slots__ = ("values", "total")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    total: int
    def __init__(self, values: _Optional[_Iterable[str]] = ..., total: _Optional[int] = ...) -> None: ...

class ViewRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ViewAnswer(_message.Message):
    __slots__ = ("complete", "alive", "tasks")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    alive: Alive
    tasks: int
    def __init__(self, complete: _Optional[bool] = ..., alive: _Optional[_Union[Alive, _Mapping]] = ..., tasks: _Optional[int] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("page_size",)
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    def __init__(self, page_size: _Optional[int] = ...) -> None: ...

class ListPage(_message.Message):
    __slots__ = ("tasks", "revision", "last")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    revision: int
    last: bool
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., revision: _Optional[int] = ..., last: _Optional[bool] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("resume_token", "page_size", "filter", "incomplete")
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    page_size: int
    filter: Filter
    incomplete: bool
    def __init__(self, resume_token: _Optional[str] = ..., page_size: _Optional[int] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., incomplete: _Optional[bool] = ...) -> None: ...

class WatchEvent(_message.Message):
    __slots__ = ("snapshot", "synced", "delta", "alive", "selected", "revision", "resume_token")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    snapshot: SnapshotPage
    synced: Synced
    delta: Delta
    alive: Alive
    selected: Selected
    revision: int
    resume_token: str
    def __init__(self, snapshot: _Optional[_Union[SnapshotPage, _Mapping]] = ..., synced: _Optional[_Union[Synced, _Mapping]] = ..., delta: _Optional[_Union[Delta, _Mapping]] = ..., alive: _Optional[_Union[Alive, _Mapping]] = ..., selected: _Optional[_Union[Selected, _Mapping]] = ..., revision: _Optional[int] = ..., resume_token: _Optional[str] = ...) -> None: ...

class SnapshotPage(_message.Message):
    __slots__ = ("tasks", "first")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    first: bool
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., first: _Optional[bool] = ...) -> None: ...

class Synced(_message.Message):
    __slots__ = ("resumed", "watch", "unheard")
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    UNHEARD_FIELD_NUMBER: _ClassVar[int]
    resumed: bool
    watch: str
    unheard: Unheard
    def __init__(self, resumed: _Optional[bool] = ..., watch: _Optional[str] = ..., unheard: _Optional[_Union[Unheard, _Mapping]] = ...) -> None: ...

class Unheard(_message.Message):
    __slots__ = ("awaited", "others", "heard")
    AWAITED_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    awaited: _containers.RepeatedScalarFieldContainer[str]
    others: bool
    heard: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, awaited: _Optional[_Iterable[str]] = ..., others: _Optional[bool] = ..., heard: _Optional[_Iterable[str]] = ...) -> None: ...

class Selected(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Alive(_message.Message):
    __slots__ = ("mesos_silence", "mesos_connected")
    MESOS_SILENCE_FIELD_NUMBER: _ClassVar[int]
    MESOS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    mesos_silence: float
    mesos_connected: bool
    def __init__(self, mesos_silence: _Optional[float] = ..., mesos_connected: _Optional[bool] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("updated", "removed", "event", "index", "heard", "overdue", "others_overdue")
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_OVERDUE_FIELD_NUMBER: _ClassVar[int]
    updated: _containers.RepeatedCompositeFieldContainer[Task]
    removed: _containers.RepeatedCompositeFieldContainer[TaskKey]
    event: float
    index: float
    heard: _containers.RepeatedScalarFieldContainer[str]
    overdue: _containers.RepeatedScalarFieldContainer[str]
    others_overdue: bool
    def __init__(self, updated: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[TaskKey, _Mapping]]] = ..., event: _Optional[float] = ..., index: _Optional[float] = ..., heard: _Optional[_Iterable[str]] = ..., overdue: _Optional[_Iterable[str]] = ..., others_overdue: _Optional[bool] = ...) -> None: ...

class TaskKey(_message.Message):
    __slots__ = ("framework_id", "id", "missing")
    FRAMEWORK_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    framework_id: str
    id: str
    missing: bool
    def __init__(self, framework_id: _Optional[str] = ..., id: _Optional[str] = ..., missing: _Optional[bool] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "name", "state", "healthy", "health_checked", "framework_id", "framework_name", "agent_id", "agent_hostname", "agent_address", "addresses", "network_mode", "ports", "labels", "discovery_name", "executor_id", "role", "marathon_id", "marathon_container", "started_time", "revision", "marathon", "notes", "leaving")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    HEALTH_CHECKED_FIELD_NUMBER: _ClassVar[int]
    FRAMEWORK_ID_FIELD_NUMBER: _ClassVar[int]
    FRAMEWORK_NAME_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    AGENT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    NETWORK_MODE_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DISCOVERY_NAME_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    MARATHON_ID_FIELD_NUMBER: _ClassVar[int]
    MARATHON_CONTAINER_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MARATHON_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    state: str
    healthy: bool
    health_checked: bool
    framework_id: str
    framework_name: str
    agent_id: str
    agent_hostname: str
    agent_address: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    network_mode: NetworkMode
    ports: _containers.RepeatedCompositeFieldContainer[Port]
    labels: _containers.ScalarMap[str, str]
    discovery_name: str
    executor_id: str
    role: str
    marathon_id: str
    marathon_container: str
    started_time: float
    revision: int
    marathon: bool
    notes: _containers.RepeatedScalarFieldContainer[str]
    leaving: bool
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[str] = ..., healthy: _Optional[bool] = ..., health_checked: _Optional[bool] = ..., framework_id: _Optional[str] = ..., framework_name: _Optional[str] = ..., agent_id: _Optional[str] = ..., agent_hostname: _Optional[str] = ..., agent_address: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., network_mode: _Optional[_Union[NetworkMode, str]] = ..., ports: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., discovery_name: _Optional[str] = ..., executor_id: _Optional[str] = ..., role: _Optional[str] = ..., marathon_id: _Optional[str] = ..., marathon_container: _Optional[str] = ..., started_time: _Optional[float] = ..., revision: _Optional[int] = ..., marathon: _Optional[bool] = ..., notes: _Optional[_Iterable[str]] = ..., leaving: _Optional[bool] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("name", "number", "container_port", "protocol", "labels", "unallocated")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    UNALLOCATED_FIELD_NUMBER: _ClassVar[int]
    name: str
    number: int
    container_port: int
    protocol: str
    labels: _containers.ScalarMap[str, str]
    unallocated: bool
    def __init__(self, name: _Optional[str] = ..., number: _Optional[int] = ..., container_port: _Optional[int] = ..., protocol: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., unallocated: _Optional[bool] = ...) -> None: ...
