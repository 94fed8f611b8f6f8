"""Fails the task with a sentence on an agent whose Python cannot run the executor.

Written for Python 3.4: it is the only module that such a Python can read. Speaks just enough of the executor API to
subscribe, be given the task and end it; the sentence is on stderr in any case.
"""

import base64
import http.client
import json
import os
import sys
import time
import uuid

TYPE_CHECKING = False  # as in typing, which such a Python lacks; annotations that need more than builtins stay strings
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_API = "/api/v1/executor"
_TIMEOUT = 30


def fail(sentence: str) -> int:
    """Print the sentence, end the task with it, and return the exit status."""
    sys.stderr.write(sentence + "\n")
    try:
        _tell(sentence)
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        sys.stderr.write("The agent could not be told: " + str(error) + "\n")
    return 1


def _tell(sentence: str) -> None:
    identity = {
        "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
        "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
    }
    stream = _call(
        dict(identity, type="SUBSCRIBE", subscribe={"unacknowledged_tasks": [], "unacknowledged_updates": []})
    )
    for event in _events(stream):
        if event["type"] == "LAUNCH":
            status = {
                "task_id": event["launch"]["task"]["task_id"],
                "state": "TASK_FAILED",
                "message": sentence,
                "source": "SOURCE_EXECUTOR",
                "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
                "timestamp": time.time(),
                "executor_id": identity["executor_id"],
            }
            _call(dict(identity, type="UPDATE", update={"status": status})).read()
        elif event["type"] in ("ACKNOWLEDGED", "SHUTDOWN", "ERROR"):
            return


def _call(body: "dict[str, object]") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(os.environ["MESOS_AGENT_ENDPOINT"], timeout=_TIMEOUT)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    token = os.environ.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
    if token:
        headers["Authorization"] = "Bearer " + token
    connection.request("POST", _API, json.dumps(body).encode(), headers)
    response = connection.getresponse()
    if response.status not in (200, 202):
        raise ValueError("HTTP " + str(response.status) + ": " + response.read(200).decode())
    return response


def _events(stream: http.client.HTTPResponse) -> "Iterator[dict[str, Any]]":
    """RecordIO: the length in digits, a line end, the record."""
    while True:
        digits = b""
        while not digits.endswith(b"\n"):
            byte = stream.read(1)
            if not byte:
                return
            digits += byte
        yield json.loads(stream.read(int(digits)).decode())
