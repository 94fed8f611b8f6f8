"""A framework on our own driver, which has to stand what the embedded Mesos does to it."""

import contextlib

from sdk.errors import TemporaryFailure
from sdk.mesos.driver import MesosDriver
from sdk.mesos.stream import Limits
from sdk.retry import ExponentialBackoff
from tests.integration.sdk_local.client import CAPABILITIES, Json, task
from tests.support.wait import wait_until


class Framework:
    """Records events, keeps offers, and acknowledges when it is asked for the statuses of tasks."""

    def __init__(self, master: str, *, answer: float = 30.0) -> None:
        info = {
            "user": "root", "name": "driver", "roles": ["slave_public"], "failover_timeout": 600.0,
            "capabilities": [{"type": name} for name in CAPABILITIES],
        }  # fmt: skip
        self.events: list[Json] = []
        self.disconnects: list[str] = []
        self._acknowledged = 0
        self.driver = MesosDriver(
            None, info, master, implicit_acknowledgements=False, limits=Limits(answer=answer), sink=self,
            backoff=ExponentialBackoff(0.05, 0.5),
        )  # fmt: skip
        self.driver.start()

    def on_event(self, event: Json) -> None:
        """Of the driver's listener."""
        self.events.append(event)

    def on_disconnected(self, why: str) -> None:
        """Of the driver's listener."""
        self.disconnects.append(why)

    def on_trouble(self, error: Exception) -> None:
        """Of the driver's listener."""

    def on_stopped(self) -> None:
        """Of the driver's listener."""

    def of(self, kind: str) -> list[Json]:
        """The events of one type so far."""
        return [event for event in self.events if event["type"] == kind]

    @property
    def framework_id(self) -> str:
        """The id that the first master gave."""
        first = wait_until(lambda: self.of("SUBSCRIBED"), 20, "the subscription")[0]
        found: str = first["subscribed"]["framework_id"]["value"]
        return found

    def launch(self, task_id: str) -> None:
        """A task that sleeps, on the newest offer that is left."""

        def offer() -> Json | None:
            gone = {event["rescind"]["offer_id"]["value"] for event in self.of("RESCIND")}
            offers: list[Json] = [one for event in self.of("OFFERS") for one in event["offers"]["offers"]]
            left = [one for one in offers if one["id"]["value"] not in gone]
            return left[-1] if left else None

        found = wait_until(offer, 20, "an offer")
        run = task(found, task_id, command={"value": "exec sleep 1000"})
        self.driver.launchTasks([found["id"]], [run], {"refuse_seconds": 0})

    def states(self, task_id: str) -> list[str]:
        """The states of a task so far, after acknowledging what is new."""
        updates = self.of("UPDATE")
        for event in updates[self._acknowledged :]:
            # Without a subscription the update comes again in the next one.
            with contextlib.suppress(TemporaryFailure):
                self.driver.acknowledgeStatusUpdate(event["update"]["status"])
        self._acknowledged = len(updates)
        statuses: list[Json] = [event["update"]["status"] for event in updates]
        return [status["state"] for status in statuses if status["task_id"]["value"] == task_id]

    def wait_for(self, task_id: str, state: str, timeout: float = 20.0) -> None:
        """Return once a task has been in that state."""
        wait_until(lambda: state in self.states(task_id), timeout, f"{state} of {task_id}")

    def reconciled(self, task_id: str) -> str:
        """What the master says of a task now."""
        before = len(self.events)

        def told() -> str | None:
            # The question, or the answer, may be lost with a stream.
            with contextlib.suppress(TemporaryFailure):
                self.driver.reconcileTasks([{"task_id": {"value": task_id}}])
            for event in self.events[before:]:
                status = event.get("update", {}).get("status", {})
                if status.get("reason") == "REASON_RECONCILIATION" and status["task_id"]["value"] == task_id:
                    return str(status["state"])
            return None

        return wait_until(told, 20, f"the reconciliation of {task_id}", every=0.2) or ""

    def close(self) -> None:
        """End the stream."""
        self.driver.stop()
        assert self.driver.join(10)
