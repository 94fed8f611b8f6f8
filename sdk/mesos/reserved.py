"""What agents have reserved, offered or not, as the master's /slaves tells it."""

from sdk.core.events import ReservationsListed
from sdk.mesos.parse import Json, MalformedEvent, resource
from sdk.model.ids import AgentId
from sdk.model.resources import AgentReservations

PATH = "/slaves"


def reservations_listed(raw: Json) -> ReservationsListed:
    """The answer of `PATH` as a value; raises MalformedEvent."""
    try:
        return ReservationsListed(
            agents=tuple(
                AgentReservations(
                    agent_id=AgentId(str(agent["id"])),
                    hostname=str(agent["hostname"]),
                    resources=tuple(
                        resource(part) for parts in agent.get("reserved_resources_full", {}).values() for part in parts
                    ),
                )
                for agent in raw["slaves"]
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MalformedEvent(f"{PATH} cannot be read: {type(error).__name__} {error}") from error
