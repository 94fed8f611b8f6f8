"""Calls on their way to Mesos: the words of this process filled in, and what to tell the core when one fails."""

import dataclasses
from collections.abc import Mapping

from sdk.core.effects import Accept, Acknowledge, CallEffect, Decline, Kill, Reconcile
from sdk.core.events import CallFailed
from sdk.errors import Refused
from sdk.model.ids import OfferId, TaskId
from sdk.model.operations import Launch, TaskLaunch
from sdk.model.spec import CommandSpec

_UNAUTHORIZED = 401


def filled(effect: CallEffect, words: Mapping[str, str]) -> CallEffect:
    """`effect` with `words` replaced in commands and URIs: leaders may differ in them without changing what runs."""
    if not isinstance(effect, Accept):
        return effect
    operations = tuple(
        dataclasses.replace(each, tasks=tuple(_task(task, words) for task in each.tasks))
        if isinstance(each, Launch)
        else each
        for each in effect.operations
    )
    return dataclasses.replace(effect, operations=operations)


def _task(task: TaskLaunch, words: Mapping[str, str]) -> TaskLaunch:
    executor = task.executor
    if executor is not None:
        executor = dataclasses.replace(executor, command=_command(executor.command, words))
    command = None if task.command is None else _command(task.command, words)
    return dataclasses.replace(task, command=command, executor=executor)


def _command(command: CommandSpec, words: Mapping[str, str]) -> CommandSpec:
    uris = tuple(dataclasses.replace(uri, value=_text(uri.value, words)) for uri in command.uris)
    return dataclasses.replace(command, value=_text(command.value, words), uris=uris)


def _text(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def call_failed(effect: CallEffect, error: Exception) -> CallFailed:
    """The event for a call that was not taken, with the tasks and offers that it was about."""
    tasks: tuple[TaskId, ...] = ()
    offers: tuple[OfferId, ...] = ()
    match effect:
        case Accept():
            offers = effect.offer_ids
            launches = [each for each in effect.operations if isinstance(each, Launch)]
            tasks = tuple(task.task_id for launch in launches for task in launch.tasks)
        case Decline():
            offers = effect.offer_ids
        case Kill():
            tasks = (effect.task_id,)
        case Acknowledge():
            tasks = (effect.status.task_id,)
        case Reconcile():
            tasks = tuple(task_id for task_id, _ in effect.tasks)
        case _:
            pass
    return CallFailed(
        effect=type(effect).__name__,
        why=str(error),
        task_ids=tasks,
        offer_ids=offers,
        # 401 says nothing about the call: the credentials are wrong or too old.
        refused=isinstance(error, Refused) and error.status != _UNAUTHORIZED,
    )
