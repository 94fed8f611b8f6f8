"""`/internal/faults` of masters and agents: GET tells the faults, POST changes those it names, DELETE heals everything.

Not a part of Mesos' API. Carrying out what changed is the owner's.
"""

from collections.abc import Callable

from aiohttp import web

from sdk.local.core.http import only
from sdk.local.fault_values import Faults
from sdk.local.web import answer, json_body, text

PATH = "/internal/faults"


async def fault_endpoint(
    request: web.Request, faults: Faults, changed: Callable[[frozenset[str]], object]
) -> web.StreamResponse:
    """The answer: all values by name; 400 with the name and the rule of what is not possible.

    `changed` gets the names of those that were set.
    """
    only(request.method, "GET", "POST", "DELETE")
    match request.method:
        case "POST":
            try:
                changed(faults.change(await json_body(request)))
            except ValueError as error:
                return text(400, str(error))
        case "DELETE":
            changed(faults.clear())
    return await answer(request, faults.json())
