"""Which of HAProxy's modes a protocol means."""

from api.dcos_template.rendering.haproxy import Mode
from scheduler.pools.model import Protocol


def mode_of(protocol: Protocol) -> Mode:
    """HTTP where requests are seen."""
    return Mode.HTTP if protocol.is_http else Mode.TCP
