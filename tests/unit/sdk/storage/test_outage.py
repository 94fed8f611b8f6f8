"""What is said while ZooKeeper does not answer."""

import logging

import pytest
import structlog

from sdk.storage.outage import KazooLog, Outage


def test_an_outage_is_told_at_once_and_then_once_a_minute() -> None:
    """However often kazoo tries; the next one begins anew."""
    outage = Outage()
    told = {second: seconds for second in range(0, 200, 5) if (seconds := outage.failed(1000.0 + second)) is not None}
    assert told == {0: 0.0, 60: 60.0, 120: 120.0, 180: 180.0}
    outage.ended()
    assert outage.failed(5000.0) == 0.0


def test_the_sentence_is_ours_and_names_the_address_and_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """kazoo's other sentences are passed on."""
    log = KazooLog("127.0.0.1:9999")
    with structlog.testing.capture_logs() as entries, caplog.at_level(logging.WARNING):
        for _ in range(10):
            log.warning("Connection dropped: %s", "socket connection error: Connection refused")
            log.warning("Transition to CONNECTING")
        log.warning("Session has expired")
    assert [entry["event"] for entry in entries] == [
        "ZooKeeper at 127.0.0.1:9999 does not answer: Connection refused; trying again until it does"
    ]
    assert [record.getMessage() for record in caplog.records] == ["Session has expired"]
