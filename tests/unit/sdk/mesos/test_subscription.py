"""What stands in a record of Mesos' streams."""

import pytest

from sdk.mesos.recordio import MalformedStream
from sdk.mesos.subscription import decode


@pytest.mark.parametrize("said", [b"\xff", b"\xed\xa0\x80", b"caf\xe9"])
def test_what_is_not_utf_8_ends_no_stream(said: bytes) -> None:
    """A task can say anything of itself, and the agent sends it again until it is acknowledged."""
    event = decode(b'{"type": "UPDATE", "update": {"status": {"message": "died of ' + said + b'"}}}')
    message = event["update"]["status"]["message"]
    assert message.startswith("died of ")
    assert "\N{REPLACEMENT CHARACTER}" in message
    message.encode()


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
def test_a_record_that_is_no_event_is_malformed(record: bytes) -> None:
    """Nothing else is raised."""
    with pytest.raises(MalformedStream):
        decode(record)
