"""A scheduler as people write them for pymesos, that keeps what it is told."""

from typing import Any

from sdk.mesos import base


class Recorder(base.Scheduler):  # type: ignore[misc]  # pymesos ships no types
    """Keeps every callback with its arguments."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def registered(self, driver: Any, framework_id: Any, master_info: Any) -> None:
        self.seen.append(("registered", (framework_id, master_info)))

    def reregistered(self, driver: Any, master_info: Any) -> None:
        self.seen.append(("reregistered", master_info))

    def disconnected(self, driver: Any) -> None:
        self.seen.append(("disconnected", None))

    def processHeartBeat(self, driver: Any) -> None:  # noqa: N802
        self.seen.append(("heartbeat", None))

    def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802
        self.seen.append(("offers", offers))

    def offerRescinded(self, driver: Any, offer_id: Any) -> None:  # noqa: N802
        self.seen.append(("rescinded", offer_id))

    def statusUpdate(self, driver: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("update", status))

    def operationStatusUpdate(self, driver: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("operation", status))

    def frameworkMessage(self, driver: Any, executor_id: Any, agent_id: Any, message: Any) -> None:  # noqa: N802
        self.seen.append(("message", (executor_id, agent_id, message)))

    def slaveLost(self, driver: Any, agent_id: Any) -> None:  # noqa: N802
        self.seen.append(("agent lost", agent_id))

    def executorLost(self, driver: Any, executor_id: Any, agent_id: Any, status: Any) -> None:  # noqa: N802
        self.seen.append(("executor lost", (executor_id, agent_id, status)))

    def error(self, driver: Any, message: Any) -> None:
        self.seen.append(("error", message))

    def names(self) -> list[str]:
        """The callbacks alone."""
        return [name for name, _ in self.seen]

    def told(self, name: str) -> list[Any]:
        """The arguments of all calls of one callback."""
        return [arguments for each, arguments in self.seen if each == name]
