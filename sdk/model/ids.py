"""Identifiers as distinct types, so that a task id never lands where an agent id belongs."""

from typing import NewType

FrameworkId = NewType("FrameworkId", str)
AgentId = NewType("AgentId", str)
OfferId = NewType("OfferId", str)
TaskId = NewType("TaskId", str)
ExecutorId = NewType("ExecutorId", str)
OperationId = NewType("OperationId", str)
ConfigId = NewType("ConfigId", str)
ResourceId = NewType("ResourceId", str)
