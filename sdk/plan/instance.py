"""How sentences about an instance call the place where it is."""

from sdk.model.records import PodRecord


def host_of(record: PodRecord) -> str:
    """The host name of its agent, as far as one is known."""
    if record.holding is not None:
        return record.holding.hostname
    return record.tasks[0].hostname if record.tasks else "its agent"
