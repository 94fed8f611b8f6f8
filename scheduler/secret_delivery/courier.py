"""Answers instances that ask for the secrets of their pool, and tells them when there is something new to ask for.

An instance's own certificate is signed in the same conversation (certification.py).

Who asks is told by Mesos: the executor of a task of ours on the agent that it was launched on. What it gets is what the
pool of that task names, whatever the executor says. Answers go in private conversations (`sdk.mesos.conversation`).

Knows pools, instances and conversations. The store is read by the reader; what is answered is in answers.py.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pool_executor.contract.secrets import decode_question, encode_answer
from scheduler.secret_delivery.answers import Known, Wanted, answer, complete, state
from scheduler.secret_delivery.certification import Certification
from scheduler.secret_delivery.instances import Executor, Instance, Instances, Talk
from scheduler.secret_delivery.reader import Reader
from scheduler.secret_stores import Store, names
from sdk.core.events import ExecutorMessage
from sdk.errors import CorruptRecord, SdkError
from sdk.plugin import Host

if TYPE_CHECKING:  # TLS is for frameworks whose pools have secrets
    import ssl

    from sdk.mesos.conversation import Piece

_log = structlog.get_logger()

_WAITING, _MOST_BYTES = 1000, 200_000
"""Messages that wait at most, and bytes of one: those of a conversation have fewer."""
_MOST_ASKED = 1024 * 1024
"""Bytes of a question at most: sums of a thousand files."""
_PATIENCE = 60.0
"""Seconds that a conversation may take."""
_LOOK = 0.2
"""Seconds from one look at the instances to the next."""
_LOOK_ANYWAY = 10.0
"""Seconds until it is looked although nobody said that something changed: this process may be in charge no more."""
_ASK_AT_ONCE = 50


class Courier:
    """For all pools of one framework, on a thread of its own. The other methods may be called from any thread."""

    def __init__(
        self, host: Host, store: Store, *, patterns: Sequence[str], refresh: float, authority: Path | None = None
    ) -> None:
        """`patterns` say which secrets pools may have; `refresh`: seconds from one reading to the next.

        `authority` is the file of the one that signs the certificates of instances.
        """
        self._host = host
        self._patterns = tuple(patterns)
        self._reader = Reader(store, refresh, self._news)
        self._certification = Certification(authority)
        self._changed = threading.Condition()
        self._messages: deque[ExecutorMessage] = deque()
        self._pools: Mapping[str, Wanted] = {}
        self._read_for: Mapping[str, Wanted] | None = None
        """The pools whose secrets are read; None while this process is not in charge."""
        self._dirty = self._outdated = True
        self._stopping = False
        self._look_at = 0.0
        self._instances = Instances(host)
        self._states: Mapping[str, str | None] = {}
        """By pool, what an instance should have been told; None while not everything was read."""
        self._context: ssl.SSLContext | None = None
        self._thread = threading.Thread(target=self._run, name="secrets", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._host.hear(self._heard)
        self._reader.start()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._reader.stop()

    def pools_are(
        self,
        secrets: Mapping[str, Mapping[str, str]],
        *,
        certified: Collection[str] = (),
        keep: Collection[str] = (),
    ) -> None:
        """By pool, all there are: the secret of each file. Those in `keep` go on as they were.

        `certified`: pools whose instances use a certificate of their own.
        """
        signs = self._certification.wanted
        pools = {name: self._pools[name] for name in keep if name in self._pools} | {
            pool: Wanted(
                pool=pool,
                files={file: names.plain(one) for file, one in files.items()},
                patterns=self._patterns,
                certified=signs and pool in certified,
            )
            for pool, files in secrets.items()
        }
        with self._changed:
            self._pools = pools
        self._news()

    def instances_changed(self) -> None:
        """Tasks may have started or ended."""
        with self._changed:
            self._dirty = True
            self._changed.notify_all()

    def _news(self) -> None:
        """What pools want, or what is known of it, is something else."""
        with self._changed:
            self._outdated = True
        self.instances_changed()

    def _heard(self, message: ExecutorMessage) -> None:
        with self._changed:
            if len(self._messages) < _WAITING and len(message.data) <= _MOST_BYTES:
                self._messages.append(message)
                self._changed.notify_all()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                # How long to wait changes with what comes, so that it is worked out anew each time.
                if not (self._stopping or self._messages or self._can_look()):
                    self._changed.wait(self._pause())
                if self._stopping:
                    return
                messages, self._messages = list(self._messages), deque()
                look, pools, outdated = self._can_look(), self._pools, self._outdated
                if look:
                    self._dirty = self._outdated = False
                    self._look_at = time.monotonic() + _LOOK
            for message in messages:
                self._guarded_take(message, pools)
            try:
                if look:
                    self._look(pools, outdated=outdated)
                    self._answer_waiting(pools)
                self._forget_old_talks()
                self._have_ask()
            except Exception:  # noqa: BLE001 - whatever it was, the next instance must be answered
                _log.exception("Delivering secrets failed; it goes on")
                self._outdated = True

    def _can_look(self) -> bool:
        return time.monotonic() >= self._look_at + (0.0 if self._dirty else _LOOK_ANYWAY)

    def _pause(self) -> float | None:
        """Until something is due by itself."""
        now = time.monotonic()
        dues = [one.ask_due for _, one in self._instances if self._behind(one)]
        if self._pools:
            dues.append(self._look_at + _LOOK_ANYWAY)
        dues += [one.talk.until for _, one in self._instances if one.talk is not None]
        if self._dirty:
            dues.append(self._look_at)
        return max(0.01, min(dues) - now) if dues else None

    def _look(self, pools: Mapping[str, Wanted], *, outdated: bool) -> None:
        """Which instances there are of pools that have secrets, or that were told some, and what they should know."""
        if not self._host.leading:
            # Whoever is in charge reads them; here they have no use.
            self._reader.want(())
            self._certification.forget()
            self._read_for = None
            self._instances.clear()
            self._states = {}
            return
        if pools is not self._read_for:
            self._read_for = pools
            self._reader.want(frozenset().union(*(wanted.secrets for wanted in pools.values())))
        self._instances.look(pools)
        known = self._reader.get
        before = {} if self._certification.look() or outdated else self._states
        self._states = {
            pool: before[pool] if pool in before else self._newest(pools[pool], known)
            for pool in {one.pool for _, one in self._instances}
        }

    def _newest(self, wanted: Wanted, known: Known) -> str | None:
        return self._state(wanted, known) if complete(wanted, known) else None

    def _state(self, wanted: Wanted, known: Known) -> str:
        return state(wanted, known) + (self._certification.state if wanted.certified else "")

    def _behind(self, instance: Instance) -> bool:
        newest = self._states.get(instance.pool)
        return newest is not None and instance.talk is None and instance.told != newest

    def _have_ask(self) -> None:
        """Have those ask that do not know the newest."""
        from sdk.mesos.conversation import Kind, Piece

        now, sent = time.monotonic(), 0
        for executor, one in self._instances:
            if now < one.ask_due or not self._behind(one):
                continue
            if sent == _ASK_AT_ONCE:
                one.ask_due = now + 1.0
                continue
            sent += 1
            one.ask_due = now + one.again.delay()
            self._tell(executor, Piece(kind=Kind.BEGIN).encode())

    # -- conversations -------------------------------------------------------------------------------------------------

    def _guarded_take(self, message: ExecutorMessage, pools: Mapping[str, Wanted]) -> None:
        try:
            self._take(message, pools)
        except Exception:  # noqa: BLE001 - whatever one executor says, the others are answered
            _log.exception("A message of an executor could not be taken", executor_id=message.executor_id)

    def _take(self, message: ExecutorMessage, pools: Mapping[str, Wanted]) -> None:
        from sdk.mesos.conversation import Broken, Kind, decode

        executor = Executor(message.agent_id, message.executor_id)
        instance = self._instances.find(executor, pools)
        piece = decode(message.data)
        if instance is None or piece is None or piece.kind is not Kind.SAID:
            why = "it is no executor of ours" if instance is None else "it is no part of a conversation"
            _log.warning("A message of an executor was ignored", executor_id=message.executor_id, why=why)
            return
        try:
            self._hear(executor, instance, piece, pools)
        except (Broken, CorruptRecord) as error:
            instance.talk = None
            _log.warning("A conversation about secrets broke", executor_id=message.executor_id, why=str(error))
            self._unknown(executor, piece)

    def _hear(self, executor: Executor, instance: Instance, piece: "Piece", pools: Mapping[str, Wanted]) -> None:
        from sdk.mesos.conversation import Conversation

        talk = instance.talk
        if talk is None or talk.conversation.identity != piece.conversation:
            if piece.number != 0:
                self._unknown(executor, piece)
                return
            # One at a time: who begins again has given the other one up.
            conversation = Conversation(self._tls(), begun=piece.conversation, most=_MOST_ASKED)
            talk = instance.talk = Talk(conversation, time.monotonic() + _PATIENCE)
        text = talk.conversation.hear(piece)
        self._say(executor, talk)
        if text is not None:
            talk.question = decode_question(text)
            self._answer(executor, instance, pools)

    def _answer_waiting(self, pools: Mapping[str, Wanted]) -> None:
        for executor, one in self._instances:
            self._answer(executor, one, pools)

    def _answer(self, executor: Executor, instance: Instance, pools: Mapping[str, Wanted]) -> None:
        talk, wanted = instance.talk, pools.get(instance.pool)
        if talk is None or talk.question is None or wanted is None or not complete(wanted, self._reader.get):
            return
        told = self._state(wanted, self._reader.get)
        given = answer(wanted, self._reader.get, talk.question)
        if wanted.certified:
            names = self._instances.names(executor, instance.pool)
            given = replace(given, chain=self._certification.answer(talk.question, names, executor.executor_id))
        talk.conversation.say(encode_answer(given))
        self._say(executor, talk)
        instance.answered(told)
        sent = [one.file for one in given.files if one.data is not None]
        _log.info("An instance got its secrets", pool=instance.pool, executor_id=executor.executor_id, new=sent)

    def _forget_old_talks(self) -> None:
        now = time.monotonic()
        for _, one in self._instances:
            if one.talk is not None and now >= one.talk.until:
                one.talk = None

    def _unknown(self, executor: Executor, piece: "Piece") -> None:
        from sdk.mesos.conversation import Kind, Piece

        self._tell(executor, Piece(kind=Kind.UNKNOWN, conversation=piece.conversation).encode())

    def _say(self, executor: Executor, talk: Talk) -> None:
        for data in talk.conversation.pieces():
            self._tell(executor, data)

    def _tell(self, executor: Executor, data: bytes) -> None:
        try:
            self._host.tell(executor.agent_id, executor.executor_id, data)
        except SdkError as error:
            # It asks again when nothing comes.
            _log.info("A message did not go to an executor", executor_id=executor.executor_id, why=str(error))

    def _tls(self) -> "ssl.SSLContext":
        if self._context is None:
            from scheduler.secret_delivery.identity import make_context

            self._context = make_context()
        return self._context
