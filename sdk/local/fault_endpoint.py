"""`/internal/faults` of masters and agents: GET tells the faults, POST changes those it names, DELETE heals everything.

Not a part of Mesos' API. Carrying out what changed is the owner's.
"""

from collections.abc import Callable

from aiohttp import web

from sdk.local.fault_values import Faults
from sdk.local.web import answer, json_body, text

PATH = "/internal/faults"


async def fault_endpoint(
    request: web.Request, faults: Faults, changed: Callable[[frozenset[str]], object]
) -> web.Response:
    """The answer: all values by name; 400 with the name and the rule of what is not possible.

    `changed` gets the names of those that were set.
    """
    match request.method:
        case "GET":
            pass
        case "POST":
            try:
                changed(faults.change(await json_body(request)))
            except ValueError as error:
                return text(400, str(error))
        case "DELETE":
            changed(faults.clear())
        case method:
            response = text(405, f"405 Method Not Allowed. Expecting one of {{ 'GET', 'POST', 'DELETE' }}, but received"
                                 f" '{method}'.")  # fmt: skip
            response.headers["Allow"] = "GET, POST, DELETE"
            return response
    return answer(request, faults.json())
