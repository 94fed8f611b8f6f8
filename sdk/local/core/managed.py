"""The classic endpoints with which operators manage quotas, weights and maintenance: /quota, /weights, /maintenance/*,
/machine/*.

Each is translated into the call of the operator API that does the same. Knows methods and bodies; the rules stand with
the calls. As in Mesos, the body needs no content type.
"""

from typing import Any

from sdk.local.core import maintenance, quota, weights
from sdk.local.core.http import (
    Refusal,
    Reply,
    Request,
    TooDeep,
    document,
    of_answer,
    only,
    plain,
    syntax_error,
    value_of,
)
from sdk.local.core.master import Master
from sdk.local.core.wire import Json

METHODS = {
    "/quota": ("GET", "POST", "DELETE"),
    "/weights": ("GET", "PUT"),
    "/maintenance/schedule": ("GET", "POST"),
    "/maintenance/status": ("GET",),
    "/machine/down": ("POST",),
    "/machine/up": ("POST",),
}
# What of a refused body is repeated in the answer.
_SHOWN = 1000


def answer(master: Master, request: Request, endpoint: str, now: float) -> Reply:
    """The answer to a request for one of METHODS; refuses other methods and bodies that are not the wanted JSON."""
    only(request.method, *METHODS[endpoint])
    if request.method == "GET":
        return document(request, _shown(master, endpoint))
    return of_answer(master.operator_call(_call(request, endpoint), now=now))


def _shown(master: Master, endpoint: str) -> Any:
    match endpoint:
        case "/quota":
            return quota.shown(master.state)
        case "/weights":
            return weights.shown(master.state)
        case "/maintenance/schedule":
            return maintenance.schedule(master.state)
        case _:
            return maintenance.status(master.state)


def _call(request: Request, endpoint: str) -> Json:
    match endpoint:
        case "/quota" if request.method == "DELETE":
            role = request.path.partition("/quota/")[2].strip("/")
            if not role:
                count = len([part for part in request.path.split("/") if part])
                message = (
                    f"Failed to parse remove quota request for path '{request.path}': "
                    f"expected 3 tokens, found {count} tokens"
                )
                raise Refusal(plain(400, message))
            return {"type": "REMOVE_QUOTA", "remove_quota": {"role": role}}
        case "/quota":
            given = _body(request, dict, "set quota request JSON")
            return {"type": "SET_QUOTA", "set_quota": {"quota_request": given}}
        case "/weights":
            given = _body(request, list, "update weights request JSON")
            return {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": given}}
        case "/maintenance/schedule":
            given = _body(request, dict, "maintenance schedule")
            kind = "UPDATE_MAINTENANCE_SCHEDULE"
            return {"type": kind, kind.lower(): {"schedule": given}}
        case _:
            kind = "START_MAINTENANCE" if endpoint == "/machine/down" else "STOP_MAINTENANCE"
            return {"type": kind, kind.lower(): {"machines": _body(request, list, "list of machines")}}


def _body(request: Request, wanted: type, what: str) -> Any:
    shown = request.body[:_SHOWN].decode(errors="replace")
    try:
        given = value_of(request.body)
    except TooDeep as error:
        raise Refusal(plain(400, f"Failed to parse {what}: {error}")) from None
    except ValueError:
        message = f"Failed to parse {what} '{shown}': {syntax_error(request.body)}"
        raise Refusal(plain(400, message)) from None
    if not isinstance(given, wanted):
        kind = "object" if wanted is dict else "array"
        raise Refusal(plain(400, f"Failed to parse {what} '{shown}': Expecting a JSON {kind}"))
    return given
