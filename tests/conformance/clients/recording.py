"""The recordings by conversation: what one client of Mesos sent and got, from its first request to its end.

Knows the line format of `tests/data/mesos-traces` (its README is the source). Does not know what an event means; the
state that a conversation leaves behind is derived in `fold.py`, and nothing here comes from our clients.
"""

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.contracts.mesos import traces

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as recorded."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """In the order of the wire."""
    text: str
    """The body; JSON compact as Mesos writes it."""

    @property
    def streams(self) -> bool:
        """Whether events follow."""
        return "Transfer-Encoding" in self.headers

    @property
    def json(self) -> Any:
        """The body where it is JSON, else None."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request with its answer."""

    at: float
    to: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    """JSON, or the text where it was none."""
    note: str | None
    answer: Answer | None
    """None: the connection broke, or the client did not wait."""

    @property
    def kind(self) -> str:
        """The call's type."""
        return str(self.body.get("type")) if isinstance(self.body, dict) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record of a stream."""

    at: float
    body: Json
    length: int
    """Of the record on the wire of the recording."""

    @property
    def record(self) -> bytes:
        """RecordIO, compact and with the keys in the order of the wire."""
        data = json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()
        return b"%d\n%s" % (len(data), data)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The stream ended. `how`: `zero chunk` or `connection closed` by Mesos, `disconnect` by the client itself."""

    at: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A SUBSCRIBE and all that its client sent and got until the next one."""

    recording: str
    who: str
    client: str
    number: int
    """How many subscriptions of this client came before."""
    subscribe: Call
    items: tuple[Call | Event | End, ...]

    @property
    def events(self) -> list[Event]:
        """In the order of the wire."""
        return [item for item in self.items if isinstance(item, Event)]

    @property
    def end(self) -> str | None:
        """How it ended; None when the recording ended first."""
        return next((item.how for item in self.items if isinstance(item, End)), None)

    @property
    def stream_id(self) -> str | None:
        """Mesos-Stream-Id."""
        assert self.subscribe.answer is not None
        return self.subscribe.answer.headers.get("Mesos-Stream-Id")

    def __str__(self) -> str:
        """The name of a test's parameter."""
        return f"{self.recording.split('-')[0]}-{self.client.replace(' ', '_')}" + (
            f"-{self.number}" if self.number else ""
        )


@functools.cache
def conversations(recording: str, who: str) -> Mapping[str, tuple[Call | Event | End, ...]]:
    """By client, in order; requests on a connection of their own stand under `""`, each answered by the next answer."""
    found: dict[str, list[Any]] = {}
    waiting: dict[str, list[int]] = {}
    left: set[str] = set()
    for line in traces.lines(recording):
        if line["who"] != who:
            continue
        client = line.get("id") or ""
        items = found.setdefault(client, [])
        match line["kind"]:
            case "call":
                left.discard(client)
                waiting.setdefault(client, []).append(len(items))
                items.append(_call(line))
            case "response" if waiting.get(client):
                at = waiting[client].pop(0)
                items[at] = dataclasses.replace(items[at], answer=_answer(line))
            case "event" if "body" in line:
                items.append(Event(at=line["t"], body=line["body"], length=line["record"]))
            case "disconnect":
                left.add(client)
                items.append(End(at=line["t"], how="disconnect"))
            case "eof" if line["how"] in ("zero chunk", "connection closed") and client not in left:
                items.append(End(at=line["t"], how=line["how"]))
    return {client: tuple(items) for client, items in found.items()}


def _call(line: Json) -> Call:
    return Call(
        at=line["t"],
        to=line.get("to", ""),
        method=line["method"],
        path=line["path"],
        headers=line.get("headers", {}),
        body=line["body"] if "body" in line else line.get("text", ""),
        note=line.get("note"),
        answer=None,
    )


def _answer(line: Json) -> Answer:
    text = json.dumps(line["body"], separators=(",", ":")) if "body" in line else line.get("text", "")
    return Answer(
        status=line["status"],
        reason=line.get("reason", {202: "Accepted", 200: "OK"}.get(line["status"], "")),
        headers=line.get("headers", {}),
        text=text,
    )


@functools.cache
def streams(who: str) -> tuple[Stream, ...]:
    """All subscriptions of these clients that were answered with a stream of JSON events."""
    return tuple(stream for name in traces.NAMES for stream in _streams(name, who))


def _streams(recording: str, who: str) -> Iterator[Stream]:
    for client, items in conversations(recording, who).items():
        begins = [at for at, item in enumerate(items) if isinstance(item, Call) and _subscribes(item)]
        for number, begin in enumerate(begins):
            end = begins[number + 1] if number + 1 < len(begins) else len(items)
            subscribe = items[begin]
            assert isinstance(subscribe, Call)
            stream = Stream(
                recording=recording,
                who=who,
                client=client,
                number=number,
                subscribe=subscribe,
                items=items[begin + 1 : end],
            )
            if stream.events:
                yield stream


def _subscribes(call: Call) -> bool:
    """SUBSCRIBE opens a stream, unless it carries the id of one: that was a trial, answered with 400."""
    return call.kind == "SUBSCRIBE" and "Mesos-Stream-Id" not in call.headers


def stream(who: str, name: str) -> Stream:
    """The one with this name."""
    return next(each for each in streams(who) if str(each) == name)


def answered(who: str, *statuses: int) -> list[Call]:
    """All requests of these clients that got one of these statuses."""
    return [
        item
        for name in traces.NAMES
        for items in conversations(name, who).values()
        for item in items
        if isinstance(item, Call) and item.answer is not None and item.answer.status in statuses
    ]
