"""Calls on their way to Mesos: the words of this process filled in, and what to tell the core when one fails."""

import dataclasses
from collections.abc import Callable, Mapping

import structlog

from sdk.core.effects import Accept, Acknowledge, CallEffect, Decline, Kill, Reconcile, UpdateRoles
from sdk.core.events import CallFailed, RolesAccepted
from sdk.errors import Refused, SdkError
from sdk.metrics import Metrics
from sdk.model.ids import OfferId, TaskId
from sdk.model.operations import Launch, TaskLaunch
from sdk.model.spec import CommandSpec
from sdk.runner.frames import Item
from sdk.runner.inbox import Inbox
from sdk.runner.term import Term

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


class Calls:
    """Makes the calls of one term, and tells the core what came of them. Any thread that decides may use it."""

    def __init__(
        self,
        *,
        name: str,
        term: Term,
        inbox: Inbox,
        take: Callable[[CallEffect], None],
        words: Callable[[], Mapping[str, str]],
        metrics: Metrics,
    ) -> None:
        """`take` makes a call and raises when it was not taken; `words` are those of this process, now."""
        self._name = name
        self._term = term
        self._inbox = inbox
        self._take = take
        self._words = words
        self._metrics = metrics
        self._log = structlog.get_logger().bind(framework=name)

    def send(self, effect: CallEffect) -> None:
        """Make a call; one that fails comes back as an event, and nothing is raised."""
        kind = type(effect).__name__
        try:
            self._take(filled(effect, self._words()))
        except Exception as error:  # noqa: BLE001 - the core decides what to do about any failed call
            if not isinstance(error, SdkError):
                self._log.exception("A call failed in an unexpected way", call=kind)
            self._metrics.call_failures.labels(self._name, kind).inc()
            self._inbox.put(Item(call_failed(effect, error), self._term.epoch))
            return
        self._log.debug("Mesos took a call", call=kind)
        if isinstance(effect, Accept):
            self._metrics.accepted.labels(self._name).inc(len(effect.offer_ids))
        elif isinstance(effect, Decline):
            self._metrics.declined.labels(self._name).inc(len(effect.offer_ids))
        self._metrics.succeeded.labels(self._name, "call").set_to_current_time()
        self._metrics.calls.labels(self._name, kind).inc()
        if isinstance(effect, UpdateRoles):
            self._inbox.put(Item(RolesAccepted(roles=effect.roles), self._term.epoch))
