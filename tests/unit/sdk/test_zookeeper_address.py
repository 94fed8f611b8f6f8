"""Addresses of ZooKeeper: every form that people write, and a sentence for what is none."""

import argparse

import pytest
from click.testing import CliRunner

from api.cli.main import cli
from sdk.errors import InvalidSpec
from sdk.local.flags import master_address
from sdk.zookeeper_address import argument, parse


@pytest.mark.parametrize(
    ("text", "servers", "path"),
    [
        ("127.0.0.1:2181", ("127.0.0.1:2181",), ""),
        ("zk://127.0.0.1:2181/", ("127.0.0.1:2181",), ""),
        ("zk://a:1,b:2/mesos", ("a:1", "b:2"), "/mesos"),
        ("zoo://a:1/mesos/two/", ("a:1",), "/mesos/two"),
        ("a:1, b.example.com:2/x", ("a:1", "b.example.com:2"), "/x"),
        ("leader.mesos", ("leader.mesos:2181",), ""),
        ("[::1]:2181/x", ("[::1]:2181",), "/x"),
    ],
)
def test_all_forms_are_understood(text: str, servers: tuple[str, ...], path: str) -> None:
    """With and without the scheme, several servers, a path, the default port."""
    found = parse(text)
    assert (found.servers, found.path, found.login) == (servers, path, None)
    assert str(found) == ",".join(servers) + path


def test_the_login_is_read_and_never_shown() -> None:
    """A password may hold what separates the parts, as %-codes."""
    found = parse("zk://me:s%40cret@a:1,b:2/x")
    assert found.login == ("me", "s@cret")
    assert "cret" not in f"{found} {found!r}"
    with pytest.raises(InvalidSpec) as error:
        parse("zk://me:secret@a:b")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zk://a:b", "'a:b': 'b' is no port from 1 to 65535; the form is "),
        ("a:0", "'a:0': '0' is no port"),
        ("a:65536", "no port"),
        ("a:", "'a:': '' is no port"),
        ("", "'' is not host:port; the form is "),
        ("a:1,,b:2", "'' is not host:port"),
        ("http://a:1", "is not host:port|no path"),
        ("a b:1", "'a b:1' is not host:port"),
        ("a:1//x", "//x is no path in ZooKeeper"),
        ("a:1/../x", "/../x is no path in ZooKeeper"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str, why: str) -> None:
    """In every process: one sentence with what is wrong and the right form, no traceback, status 2."""
    with pytest.raises(InvalidSpec, match=why):
        parse(text)
    with pytest.raises(argparse.ArgumentTypeError, match=why):
        argument(text)


@pytest.mark.parametrize("command", ["run api", "run scheduler", "run template", "run listener", "serve", "doctor"])
def test_commands_refuse_a_wrong_address_before_they_do_anything(command: str) -> None:
    """`--zk`, and `--mesos` where it is one of ZooKeeper."""
    option = "--mesos" if command == "run listener" else "--zk"
    done = CliRunner().invoke(cli, [*command.split(), option, "zk://a:b"])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output
    assert "'a:b': 'b' is no port from 1 to 65535" in done.output
    with pytest.raises(argparse.ArgumentTypeError, match="no port"):
        master_address("zk://a:b/mesos")
