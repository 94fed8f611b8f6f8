"""Tasks as messages of taskinfo.proto, and back. Knows both shapes and nothing else."""

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.task import NetworkMode, Port, Task, TaskKey


def to_message(task: Task) -> pb.Task:
    """The message of a task."""
    return pb.Task(
        id=task.id,
        name=task.name,
        state=task.state,
        healthy=task.healthy,
        health_checked=task.health_checked,
        framework_id=task.framework_id,
        framework_name=task.framework_name,
        agent_id=task.agent_id,
        agent_hostname=task.agent_hostname,
        agent_address=task.agent_address,
        addresses=task.addresses,
        network_mode=task.network_mode.name,
        ports=[
            pb.Port(
                name=port.name,
                number=port.number,
                container_port=port.container_port,
                protocol=port.protocol,
                labels=dict(port.labels),
                unallocated=port.unallocated,
            )
            for port in task.ports
        ],
        labels=dict(task.labels),
        discovery_name=task.discovery_name,
        executor_id=task.executor_id,
        role=task.role,
        marathon=task.marathon,
        marathon_id=task.marathon_id,
        marathon_container=task.marathon_container,
        notes=task.notes,
        started_time=task.started,
        revision=task.revision,
    )


def from_message(message: pb.Task) -> Task:
    """The task in a message."""
    try:
        mode = NetworkMode(message.network_mode)
    except ValueError:  # of a later version: an unknown network has addresses of its own
        mode = NetworkMode.CONTAINER
    return Task(
        id=message.id,
        name=message.name,
        state=message.state,
        healthy=message.healthy if message.HasField("healthy") else None,
        health_checked=message.health_checked,
        framework_id=message.framework_id,
        framework_name=message.framework_name,
        agent_id=message.agent_id,
        agent_hostname=message.agent_hostname,
        agent_address=message.agent_address,
        addresses=tuple(message.addresses),
        network_mode=mode,
        ports=tuple(
            Port(
                name=port.name,
                number=port.number,
                container_port=port.container_port,
                protocol=port.protocol,
                labels=tuple(sorted(port.labels.items())),
                unallocated=port.unallocated,
            )
            for port in message.ports
        ),
        labels=tuple(sorted(message.labels.items())),
        discovery_name=message.discovery_name,
        executor_id=message.executor_id,
        role=message.role,
        marathon=message.marathon,
        marathon_id=message.marathon_id,
        marathon_container=message.marathon_container,
        notes=tuple(message.notes),
        started=message.started_time,
        revision=message.revision,
    )


def key_to_message(key: TaskKey, *, missing: bool = False) -> pb.TaskKey:
    """The message of a key."""
    return pb.TaskKey(framework_id=key.framework_id, id=key.id, missing=missing)


def key_from_message(message: pb.TaskKey) -> TaskKey:
    """The key in a message."""
    return TaskKey(framework_id=message.framework_id, id=message.id)
