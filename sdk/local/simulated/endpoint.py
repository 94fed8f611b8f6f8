"""`/internal/simulated/tasks` of a simulated cluster's master: tasks that start and end when somebody asks for it.

No part of Mesos' API. Knows HTTP; what a request may say is in `on_demand`.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sdk.local.core.http import only
from sdk.local.core.wire import Json
from sdk.local.web import answer, json_body, text

ENDPOINT = "/internal/simulated/tasks"
_TIMEOUT = 30.0
"""Seconds until a request counts as failed: new agents have registered and were offered long before."""


async def endpoint(
    request: web.Request, ask: Callable[[Json, float], Awaitable[tuple[Json, float]]]
) -> web.StreamResponse:
    """POST of `{"tasks": [..]}` or `{"changes": [[task, state], ..]}`: what `ask` answers, or 409 with the reason."""
    only(request.method, "POST")
    content = await json_body(request)
    if not isinstance(content, dict):
        return text(400, 'Expecting an object with "tasks" or "changes"')
    try:
        found, moment = await ask(content, _TIMEOUT)
    except TimeoutError:
        return text(
            409, f"not done within {_TIMEOUT:g} s: an address and port that another task has is free once it ends"
        )
    if "refused" in found:
        return text(409, found["refused"])
    return await answer(request, found | {"monotonic": moment})
