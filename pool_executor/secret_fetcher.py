"""Fetches the instance's secrets from the scheduler, in private conversations, and puts them into the room for files.

In the same conversation it has the instance's own certificate signed, where the scheduler has an authority for it.

The scheduler says when there is something new; the fetcher asks then, again until it is answered, and by itself now and
then, as what the scheduler says may get lost. What cannot be had any more stays as it was last, and is said to be so.
Does not know what is in the files, nor Mesos beyond "send these bytes".
"""

import base64
import hashlib
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from pool_executor.contract.needs import SECRETS
from pool_executor.contract.secrets import SecretsAnswer, SecretsQuestion, decode_answer, encode_question
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.own_certificate import OwnCertificate
from sdk.errors import CorruptRecord, SdkError
from sdk.retry import Policy

if TYPE_CHECKING:  # TLS is for instances that have secrets
    from sdk.mesos.conversation import Conversation, Piece

_log = structlog.get_logger()

_ANSWER = 30.0
"""Seconds in which each message of a conversation has to come."""
_BY_ITSELF = 600.0
_AGAIN = Policy(first=1.0, most=60.0)
_WAITING = 1000
"""Messages that wait at most; nobody but the scheduler sends any."""


class SecretFetcher:
    """Of one instance."""

    def __init__(
        self,
        send: Callable[[str], None],
        material: Material,
        own: OwnCertificate,
        *,
        answer: float = _ANSWER,
        again: Policy = _AGAIN,
    ) -> None:
        """`send` says something to the scheduler, in base64, and raises SdkError when it did not go.

        `answer`: seconds after which a conversation without an answer is begun anew.
        """
        self._send = send
        self._material = material
        self._own = own
        self._answer_within = answer
        self._backoff = again.backoff()
        self._messages: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._files: dict[str, bytes] = {}
        self._conversation: Conversation | None = None
        self._due: float | None = None
        """When to begin (again), monotonic; None: not before the scheduler says so."""
        self._asked_to_begin = False
        """While a conversation was under way: what is answered to it may be older."""

    def heard(self, message: str) -> None:
        """The scheduler said this, in base64; from any thread, returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="secrets", daemon=True)
                self._thread.start()
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            _log.warning("A message of the scheduler was dropped: too many wait")

    def stop(self) -> None:
        """End; what is there stays."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._messages.put(None)
            thread.join()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                message = self._messages.get(timeout=self._pause())
            except queue.Empty:
                if self._conversation is None:
                    self._begin()
                else:
                    self._fail(f"there was no answer within {self._answer_within:g} s")
                continue
            if message is None:
                return
            try:
                self._take(message)
            except Exception:  # noqa: BLE001 - whatever one message does, the next rotation must come
                _log.exception("A message about secrets failed")
                self._fail("it failed unexpectedly")

    def _pause(self) -> float | None:
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def _take(self, message: str) -> None:
        from sdk.mesos.conversation import Broken, Kind, decode

        try:
            piece = decode(base64.b64decode(message, validate=True))
        except ValueError:
            piece = None
        if piece is None:
            _log.warning("A message of the framework was ignored", size=len(message))
            return
        conversation = self._conversation
        if piece.kind is Kind.BEGIN:
            if conversation is None:
                self._begin()
            else:
                self._asked_to_begin = True
            return
        if conversation is None or piece.conversation != conversation.identity:
            return  # of one that is over
        if piece.kind is Kind.UNKNOWN:
            self._fail("the scheduler does not know of it: another one may be in charge")
            return
        try:
            self._go_on(conversation, piece)
        except (Broken, CorruptRecord) as error:
            self._fail(str(error))

    def _begin(self) -> None:
        from sdk.mesos.conversation import Conversation, executors_context

        conversation = Conversation(executors_context())
        have = {name: hashlib.sha256(data).hexdigest() for name, data in self._files.items()}
        question = SecretsQuestion(have=have, request=self._own.request(), chain=self._own.chain())
        conversation.say(encode_question(question))
        self._conversation, self._asked_to_begin = conversation, False
        self._say(conversation)

    def _go_on(self, conversation: "Conversation", piece: "Piece") -> None:
        text = conversation.hear(piece)
        if text is None:
            self._say(conversation)
            return
        answer = decode_answer(text)
        self._fill(answer)
        self._own.take(answer.chain)
        self._conversation = None
        self._backoff.reset()
        self._due = time.monotonic() + _BY_ITSELF
        if self._asked_to_begin:
            self._begin()

    def _say(self, conversation: "Conversation") -> None:
        self._due = time.monotonic() + self._answer_within
        try:
            for data in conversation.pieces():
                self._send(base64.b64encode(data).decode("ascii"))
        except SdkError as error:
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        self._conversation = None
        delay = self._backoff.delay()
        self._due = time.monotonic() + delay
        _log.warning("Secrets could not be fetched; trying again", why=why, seconds=round(delay, 1))

    def _fill(self, answer: SecretsAnswer) -> None:
        files: dict[str, bytes] = {}
        troubles: dict[str, str] = {}
        new = []
        for one in answer.files:
            had = self._files.get(one.file)
            data = had if one.data is None else one.data
            if data is not None:
                files[one.file] = data
            if data != had:
                new.append(one.file)
            if one.trouble is not None:
                stays = "; the last one stays" if data is not None else ""
                troubles[one.file] = f"{one.trouble}{stays}"
        self._files = files
        self._material.fill(SECRETS, files, troubles)
        _log.info("Secrets were fetched", files=len(files), new=new, troubles=troubles)
