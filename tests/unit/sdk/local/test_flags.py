"""The flags that masters and agents show."""

import argparse

import pytest

from sdk.local import log
from sdk.local.agent_flags import shown_flags
from sdk.local.core import MasterConfig
from sdk.local.core.agent_model import ContainerAddress
from sdk.local.core.authorization import parse
from sdk.local.core.master_flags import flags, without_secret
from sdk.local.flags import master_address, networks, tcp_port


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


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", ""])
def test_a_port_is_a_port(text: str) -> None:
    """What cannot be one is refused before anything listens."""
    with pytest.raises(argparse.ArgumentTypeError, match="is no port: choose one from 1 to 65535"):
        tcp_port(text)
    assert tcp_port("5050") == 5050


@pytest.mark.parametrize("text", ["nonsense", "host:", ":5050", "host:0", "host:99999", "http://host"])
def test_a_master_has_an_address(text: str) -> None:
    """An agent with any other would look for its master for ever."""
    with pytest.raises(argparse.ArgumentTypeError, match="neither host:port nor zk://"):
        master_address(text)
    for good in ("127.0.0.1:5050", "http://127.0.0.1:5050", "zk://a:1,b:2/mesos"):
        assert master_address(good) == good


def test_a_sentence_of_the_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever chooses a name does not write other lines."""
    log.master("framework 'a\nI1125 master] all is well' subscribed")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" master] framework 'a?I1125 master] all is well' subscribed")


def test_networks_have_addresses_and_namespaces() -> None:
    """An address that lies in a network namespace names its file."""
    found = networks('{"dcos": ["127.9.0.2", "10.9.0.2@/run/netns/one"], "none": []}')
    assert found == {
        "dcos": (ContainerAddress(ip="127.9.0.2"), ContainerAddress(ip="10.9.0.2", namespace="/run/netns/one")),
        "none": (),
    }


@pytest.mark.parametrize("text", ["", "[]", "{", '{"dcos": "127.0.0.2"}', '{"dcos": ["here"]}', '{"dcos": [1]}'])
def test_networks_that_are_none_are_refused_with_an_example(text: str) -> None:
    """As the agent does with its other flags."""
    with pytest.raises(ValueError, match="--networks"):
        networks(text)
