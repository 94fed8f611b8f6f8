"""The flags that masters and agents show."""

import argparse

import pytest

from sdk.local.agent_flags import shown_flags
from sdk.local.core import MasterConfig
from sdk.local.core.authorization import parse
from sdk.local.core.master_flags import flags, without_secret


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("zk://a:1,b:2/mesos", "zk://a:1,b:2/mesos"),
        ("zk://me:hush@a:1/mesos", "zk://me:***@a:1/mesos"),
        ("zk://me:hu@sh@a:1,b:2/mesos", "zk://me:***@a:1,b:2/mesos"),
        ("127.0.0.1:5050", "127.0.0.1:5050"),
        ("me@there", "me@there"),
    ],
)  # fmt: skip
def test_secrets_of_zookeeper_are_not_shown(given: str, shown: str) -> None:
    """Neither by a master nor by an agent."""
    assert without_secret(given) == shown
    config = MasterConfig(master_id="m", zk=given, zk_session_timeout=4.0)
    assert (flags(config)["zk"], flags(config)["zk_session_timeout"]) == (shown, "4secs")
    assert shown_flags(argparse.Namespace(master=given, http_credentials=None), 150)["master"] == shown


def test_what_was_not_given_is_not_shown() -> None:
    """No quorum, ZooKeeper or rules without the flags for them."""
    found = flags(MasterConfig(master_id="m"))
    assert not {"quorum", "zk", "acls"} & set(found)
    found = flags(MasterConfig(master_id="m", quorum=2, acls=parse({"permissive": False})))
    open_to_all, asking = (
        shown_flags(argparse.Namespace(http_credentials=file), 1) for file in (None, "/etc/mesos/credentials")
    )
    assert open_to_all["authenticate_http_readonly"] == "false"
    assert asking["authenticate_http_readonly"] == asking["authenticate_http_readwrite"] == "true"
    assert (found["quorum"], found["acls"]) == ("2", '{"permissive":false}')
