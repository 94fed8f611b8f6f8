"""All HTTP endpoints of a master as one function from request to reply: method, credentials, leadership, body, answer.

Knows which path means what and in which order Mesos checks. What needs a disk (files, the page) is the shell's.
"""

from collections.abc import Callable, Mapping
from functools import partial

from sdk.local.core import classic, managed, operator
from sdk.local.core.authentication import principal, realm
from sdk.local.core.http import (
    Refusal,
    Reply,
    Request,
    document,
    form,
    json_body,
    lookup,
    of_answer,
    only,
    plain,
    value_of,
)
from sdk.local.core.leadership import Leadership, refusal
from sdk.local.core.master import Master
from sdk.local.core.master_flags import flags
from sdk.local.core.metrics import Measured, metrics
from sdk.local.core.outputs import Answer
from sdk.local.core.wire import Json

_CHANGES = {
    "/reserve": "RESERVE_RESOURCES",
    "/unreserve": "UNRESERVE_RESOURCES",
    "/create-volumes": "CREATE_VOLUMES",
    "/destroy-volumes": "DESTROY_VOLUMES",
}
_GET = (
    "/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles", "/metrics/snapshot", "/version", "/flags",
    "/health", "/redirect", "/system/stats.json", "/logging/toggle",
)  # fmt: skip
_POST = ("/api/v1/scheduler", "/api/v1", "/teardown", *_CHANGES)
PATHS = frozenset(_GET) | frozenset(_POST) | frozenset(managed.METHODS)
PREFIX = "/master"


class Endpoints:
    """The endpoints of one master. `machine` tells about the computer, `files` answers LIST_FILES and READ_FILE,
    `measured` is what its process measures.
    """

    def __init__(
        self,
        master: Master,
        *,
        leadership: Callable[[], Leadership],
        credentials: Mapping[str, str] | None = None,
        machine: Callable[[], Json] = dict,
        files: Callable[[Json], Answer] | None = None,
        measured: Callable[[], Measured] = Measured,
    ) -> None:
        self.master = master
        self._leadership = leadership
        self._credentials = credentials
        self._machine = machine
        self._files = files
        self._measured = measured

    def check(self, request: Request, endpoint: str) -> str | None:
        """Who asks; refuses (Refusal) the unknown, and everybody while another master leads."""
        who = principal(request, realm(endpoint), self._credentials)
        refused = refusal(self._leadership(), request, endpoint)
        if refused is not None:
            raise Refusal(refused)
        return who

    def handle(self, request: Request, *, now: float, new_stream: str) -> Reply:
        """The answer to one request; its outputs are to be carried out, and a stream opened if it says so."""
        endpoint = lookup(request.path, PATHS, PREFIX)
        if endpoint is None:
            return plain(404, "404 Not Found.")
        try:
            who = self.check(request, endpoint)
            if endpoint in managed.METHODS:
                return managed.answer(self.master, request, endpoint, now)
            if endpoint in _POST:
                only(request.method, "POST")
                return self._post(request, endpoint, now, new_stream, who)
            return self._get(request, endpoint, now)
        except Refusal as refused:
            return refused.reply

    def _post(self, request: Request, endpoint: str, now: float, new_stream: str, who: str | None) -> Reply:
        match endpoint:
            case "/api/v1/scheduler":
                return self._scheduler(request, now, new_stream, who)
            case "/api/v1":
                return self._operator(request, now, new_stream, who)
            case "/teardown":
                given = form(request)
                if "frameworkId" not in given:
                    return plain(400, "Missing 'frameworkId' query parameter in the request body")
                return of_answer(self.master.teardown(given["frameworkId"], now=now, principal=who))
            case _:
                return self._change(request, endpoint, now, who)

    def _change(self, request: Request, endpoint: str, now: float, who: str | None) -> Reply:
        given = form(request)
        kind = _CHANGES[endpoint]
        _, _, items = operator.CHANGES[kind]
        for name in ("slaveId", items):
            if name not in given:
                return plain(400, f"Missing '{name}' query parameter in the request body")
        try:
            resources = value_of(given[items])
        except ValueError:
            return plain(400, f"Error in parsing '{items}' query parameter in the request body: syntax error")
        return of_answer(self.master.change_resources(kind, given["slaveId"], resources, now, who))

    def _scheduler(self, request: Request, now: float, new_stream: str, who: str | None) -> Reply:
        call = json_body(request)
        stream = request.headers.get("mesos-stream-id")
        answer = self.master.call(call, stream=stream, now=now, new_stream=new_stream, principal=who)
        if answer.status == 200 and isinstance(call, dict) and call.get("type") == "SUBSCRIBE":
            headers = {"Mesos-Stream-Id": new_stream, "Content-Type": "application/json"}
            return Reply(status=200, headers=headers, stream=new_stream, outputs=answer.outputs)
        return of_answer(answer)

    def _operator(self, request: Request, now: float, new_stream: str, who: str | None) -> Reply:
        call = json_body(request)
        parsed = operator.parse(call)
        if isinstance(parsed, Answer):
            return of_answer(parsed)
        if parsed["type"] == "SUBSCRIBE":
            outputs = self.master.operator_subscribe(new_stream, now=now)
            headers = {"Content-Type": "application/json"}
            return Reply(status=200, headers=headers, stream=new_stream, outputs=outputs)
        if parsed["type"] in ("LIST_FILES", "READ_FILE") and self._files is not None:
            return of_answer(self._files(parsed))
        figures = partial(self._figures, now)
        return of_answer(self.master.operator_call(call, now=now, principal=who, figures=figures))

    def _get(self, request: Request, endpoint: str, now: float) -> Reply:
        state = self.master.state
        match endpoint:
            case "/health":
                return plain(200)
            case "/logging/toggle":
                return plain(200, "0\n")
            case "/metrics/snapshot":
                return self._metrics(request, now)
            case "/system/stats.json":
                return document(request, self._machine())
            case "/version":
                return document(request, dict(sorted(classic.BUILD.items())))
            case "/flags":
                return document(request, {"flags": flags(state.config)})
            case "/state":
                return document(request, classic.full_state(state))
            case "/state-summary":
                return document(request, classic.summary(state))
            case "/slaves":
                return document(request, classic.slaves(state, full=True, only=request.asked("slave_id")))
            case "/frameworks":
                found = classic.frameworks(state, only=request.asked("framework_id"))
                return document(request, found | {"unregistered_frameworks": []})
            case "/tasks":
                return self._tasks(request)
            case "/roles":
                return document(request, classic.roles(state))
            case _:
                return document(request, {})

    def _metrics(self, request: Request, now: float) -> Reply:
        timeout = request.asked("timeout")
        if timeout is not None and not timeout.rstrip("abcdefghijklmnopqrstuvwxyz").replace(".", "", 1).isdigit():
            # Mesos names the number in front of the unit, which is empty here.
            number = timeout.rstrip("abcdefghijklmnopqrstuvwxyz")
            return plain(400, f"Invalid timeout '{timeout}': Failed to convert '{number}' to number.\n")
        return document(request, self._figures(now))

    def _figures(self, now: float) -> dict[str, float]:
        leading = self._leadership().mine
        return metrics(self.master.state, now, self._machine(), self._measured(), elected=leading)

    def _tasks(self, request: Request) -> Reply:
        numbers = {"limit": 100, "offset": 0}
        for name in numbers:
            given = request.asked(name)
            if given is None:
                continue
            try:
                numbers[name] = int(given)
            except ValueError:
                return plain(400, f"Failed to parse query parameter '{name}': Failed to convert '{given}' to number.\n")
        found = classic.tasks(
            self.master.state,
            limit=max(0, numbers["limit"]),
            offset=max(0, numbers["offset"]),
            newest_first=request.asked("order") != "asc",
            framework_id=request.asked("framework_id"),
            task_id=request.asked("task_id"),
        )
        return document(request, found)
