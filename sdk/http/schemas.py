"""Shapes of what the routes of a framework answer, as JSON schemas: docs/reference/contracts.md in other words."""

from enum import StrEnum
from typing import Any

from sdk.core.reservation_life import Stage
from sdk.core.seen import Outcome
from sdk.plan.progress import Progress
from sdk.runner import Phase

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
ANYTHING: Json = {}
NEXT: Json = {"type": ["string", "null"], "description": "What to give as `after` for the next page."}


def maybe(schema: Json) -> Json:
    """That, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Json) -> Json:
    """A list of those."""
    return {"type": "array", "items": schema}


def by_name(schema: Json) -> Json:
    """An object of those, whatever their names are."""
    return {"type": "object", "additionalProperties": schema}


def one_of(words: type[StrEnum]) -> Json:
    """A word of an enumeration."""
    return {"type": "string", "enum": [str(word) for word in words]}


def shape(**fields: Json) -> Json:
    """An object with all of these fields; further ones may come."""
    return {"type": "object", "required": list(fields), "properties": fields}


def _with(base: Json, **fields: Json) -> Json:
    """The same with fields that may be missing."""
    return {**base, "properties": {**base["properties"], **fields}}


PROGRESS = one_of(Progress)
MESSAGE = shape(message=TEXT)
PROBLEM = shape(service=TEXT, message=TEXT)
REFUSALS = many(shape(count=WHOLE, reason=TEXT))
PENDING = shape(status=PROGRESS, waits=TEXT, summary=TEXT, reasons=REFUSALS)
STEP = shape(name=TEXT, status=PROGRESS, message=TEXT)
PHASE = _with(
    shape(name=TEXT, strategy=TEXT, status=PROGRESS, steps=many(STEP)), interrupted=FLAG, canary=WHOLE, continued=WHOLE
)
PLAN = _with(
    shape(name=TEXT, status=PROGRESS, phases=many(PHASE)), message=TEXT, interrupted=FLAG, run=WHOLE, running=FLAG
)
PLANS = shape(labels=by_name(TEXT), plans=many(PLAN))
BUDGET = shape(
    replacements=shape(limit=WHOLE, now=WHOLE),
    unavailable=shape(limit=maybe(WHOLE), now=WHOLE),
)
LIMITS = shape(replacements=maybe(WHOLE), unavailable=maybe(WHOLE))
TASK = shape(
    name=TEXT, id=TEXT, state=TEXT, healthy=maybe(FLAG), hostname=TEXT, agent_id=TEXT, ports=by_name(WHOLE),
    addresses=many(TEXT), message=maybe(TEXT), since=NUMBER, paused=FLAG,
)  # fmt: skip
VOLUME = shape(
    name=TEXT, task=TEXT, id=TEXT, hostname=TEXT, type=TEXT, size=NUMBER, made=FLAG, destroy=FLAG
)  # fmt: skip
POD = _with(shape(name=TEXT, index=WHOLE, status=TEXT, tasks=many(TASK), pending=maybe(PENDING)), volumes=many(VOLUME))
PODS = _with(shape(pods=many(POD)), next=NEXT)
QUARANTINE = shape(why=TEXT, since=NUMBER, until=NUMBER)
SERVICE = _with(shape(name=TEXT, status=PROGRESS, pods=WHOLE), quarantine=QUARANTINE)
HAVING = shape(name=TEXT, since=maybe(NUMBER), keeps=FLAG)
CONFIGURATION = _with(
    shape(id=TEXT, pod=TEXT, wanted=FLAG, stored=FLAG, instances=many(HAVING)),
    pinned=shape(at=NUMBER, by=TEXT),
    published=FLAG,
)
CONFIGURATIONS = _with(shape(configurations=many(CONFIGURATION)), next=NEXT)
WHOLE_CONFIGURATION = _with(CONFIGURATION, spec=by_name(ANYTHING))
DIFFERENCES = shape(old=TEXT, new=TEXT, differences=many(shape(path=TEXT, old=ANYTHING, new=ANYTHING)))
ENDPOINT = shape(
    name=TEXT, pod=TEXT, task=TEXT, port=TEXT, protocol=TEXT, vips=many(TEXT),
    instances=many(
        shape(
            instance=TEXT, task_id=TEXT, hostname=TEXT, number=WHOLE, addresses=many(TEXT), dns=TEXT,
            healthy=maybe(FLAG),
        )
    ),
)  # fmt: skip
ENDPOINTS = _with(shape(endpoints=many(ENDPOINT)), next=NEXT)
FRAMEWORK = shape(
    name=TEXT, principal=maybe(TEXT), id=maybe(TEXT), earlier_ids=many(TEXT), roles=many(TEXT), kept=many(TEXT),
    state=TEXT, master=maybe(TEXT), error=maybe(TEXT),
)  # fmt: skip
STATE = shape(
    framework=FRAMEWORK, leader=FLAG, leader_url=maybe(TEXT), phase=one_of(Phase), ready=FLAG, reason=TEXT,
    services=many(TEXT), offers=WHOLE, suppressed=many(TEXT), quarantined=many(TEXT), problems=many(PROBLEM),
    skipped=many(TEXT),
)  # fmt: skip
READY = shape(status=TEXT, framework=TEXT, quarantined=many(TEXT), problems=many(PROBLEM), skipped=many(TEXT))
ALL_PENDING = _with(
    shape(
        pending=many(
            shape(
                service=TEXT, plan=TEXT, phase=TEXT, step=TEXT, pod=TEXT, message=TEXT, status=PROGRESS, waits=TEXT,
                summary=TEXT, reasons=REFUSALS,
            )
        )
    ),
    next=NEXT,
)  # fmt: skip
UNINSTALL = shape(status=maybe(PROGRESS), message=TEXT, framework=TEXT)
CONFIRM = shape(confirm=TEXT)
OFFERS = shape(
    offers=many(
        shape(
            ids=many(TEXT), at=NUMBER, agent_id=maybe(TEXT), hostname=maybe(TEXT), role=maybe(TEXT),
            outcome=one_of(Outcome), operations=many(TEXT), why=maybe(TEXT),
            refusals=many(shape(instance=TEXT, reasons=many(TEXT))), more_refusals=WHOLE,
        )
    ),
    next=NEXT,
)  # fmt: skip
RESERVATIONS = shape(
    reservations=many(
        shape(
            id=TEXT, stage=one_of(Stage), instance=maybe(TEXT), agent_id=maybe(TEXT), hostname=maybe(TEXT),
            role=maybe(TEXT), resources=many(shape(name=TEXT, value=ANYTHING)),
        )
    ),
    left_behind=many(shape(id=TEXT, message=TEXT)),
    more_left_behind=WHOLE,
    next=NEXT,
)  # fmt: skip
CALLS = shape(calls=many(shape(name=TEXT, call=TEXT, about=TEXT, instance=maybe(TEXT), due=NUMBER)), next=NEXT)
FAULTS = shape(
    quarantine=many(
        shape(name=TEXT, service=maybe(TEXT), part=TEXT, why=TEXT, since=NUMBER, until=NUMBER)
    ),
    next=NEXT,
)  # fmt: skip
