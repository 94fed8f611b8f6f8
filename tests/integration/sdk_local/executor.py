"""A custom executor for tests on the standard library: runs its tasks in itself and survives restarts of the agent.

Its tasks run until they are killed. MESSAGE is echoed, `exit <n>` as a message ends the process with that code.
"""

import base64
import contextlib
import http.client
import json
import os
import sys
import time

HOST, _, PORT = os.environ["MESOS_AGENT_ENDPOINT"].rpartition(":")
IDENTITY = {
    "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
}
unacknowledged = {}
known = {}


def post(body, *, stream=False):
    """One call; the open answer for a stream."""
    connection = http.client.HTTPConnection(HOST, int(PORT), timeout=None if stream else 10)
    connection.request(
        "POST", "/api/v1/executor", json.dumps({**IDENTITY, **body}), {"Content-Type": "application/json"}
    )
    return connection.getresponse()


def update(task_id, state):
    """Report a state, now or with the next SUBSCRIBE."""
    uuid = base64.b64encode(os.urandom(16)).decode()
    status = {
        "task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR", "uuid": uuid,
        "timestamp": time.time(),
    }  # fmt: skip
    unacknowledged[uuid] = status
    with contextlib.suppress(OSError):
        post({"type": "UPDATE", "update": {"status": status}}).read()


def handle(event):
    """One event."""
    kind = event["type"]
    if kind == "LAUNCH":
        task = event["launch"]["task"]
        known[task["task_id"]["value"]] = task
        update(task["task_id"]["value"], "TASK_RUNNING")
    elif kind == "KILL":
        update(event["kill"]["task_id"]["value"], "TASK_KILLED")
    elif kind == "ACKNOWLEDGED":
        unacknowledged.pop(event["acknowledged"]["uuid"], None)
        known.pop(event["acknowledged"]["task_id"]["value"], None)
    elif kind == "MESSAGE":
        text = base64.b64decode(event["message"]["data"]).decode()
        if text.startswith("exit "):
            sys.exit(int(text.split()[1]))
        post({"type": "MESSAGE", "message": {"data": base64.b64encode(f"echo {text}".encode()).decode()}}).read()
    elif kind == "SHUTDOWN":
        sys.exit(0)


print("executor", os.getpid(), "with", sys.argv[1:], flush=True)  # noqa: T201 - its stdout is the sandbox's
while True:
    try:
        content = {
            "unacknowledged_tasks": list(known.values()),
            "unacknowledged_updates": [{"status": status} for status in unacknowledged.values()],
        }
        answer = post({"type": "SUBSCRIBE", "subscribe": content}, stream=True)
        while answer.status == 200:
            length = answer.readline()
            if not length:
                break
            handle(json.loads(answer.read(int(length))))
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.1)
