"""Values of options that can never work are refused where they are given, without a traceback."""

import click
import pytest
from click.testing import CliRunner

from api.cli import values
from api.cli.exits import Exit
from api.cli.main import cli


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            values.HOST_PORT,
            ["127.0.0.1:0", "[::1]:80", ":8080", "host.test:1"],
            ["x", "a:b", ":", "h:99999", "::1:80", "a b:1"],
        ),
        (values.HOST_PORTS, ["a:1", "a:1, b:2"], ["", " , ", "nonsense", "a:1,b", ":80"]),
        (values.NODE_PATH, ["/edgelb", "/a/b.c-d_e", "edgelb"], ["", "/", "a b", "/a/../b", "/a//b", "/zookeeper/x"]),
        (values.FRAMEWORK_NAME, ["edgelb", "a-1"], ["", "../x", "A", "a/b", "-a"]),
        (values.URL_PREFIX, ["", "/", "/service/edgelb", "/a/"], ["a b?c", "x", "/a?b", "/a//b"]),
        (values.BASE_URL, ["http://h:1", "https://h/x"], ["nonsense", "http://[x", "http://a:b", "ftp://h", "http://"]),
    ],
    ids=lambda one: one.name if isinstance(one, click.ParamType) else "",
)
def test_each_kind_of_value_takes_what_can_work_and_nothing_else(
    kind: values.Checked, good: list[str], bad: list[str]
) -> None:
    """The sentence says what was given."""
    for text in good:
        assert kind.convert(text, None, None) == text
    for text in bad:
        with pytest.raises(click.BadParameter, match="'"):
            kind.convert(text, None, None)


@pytest.mark.parametrize(
    "line",
    [
        "run api --listen 127.0.0.1:99999",
        "run api --zk-root a/../b",
        "run api --prefix nonsense",
        "run api --framework ../x",
        "run listener --listen nonsense",
        "run template --listener a:b",
        "run scheduler --advertise http://[x",
    ],
)
def test_a_process_with_a_value_that_cannot_work_does_not_even_begin(line: str) -> None:
    """One sentence with the option's name, and the code for wrong usage, after which nobody starts it again."""
    result = CliRunner().invoke(cli, line.split())
    assert result.exit_code == Exit.USAGE
    assert f"Invalid value for '{line.split()[2]}'" in result.stderr
    assert "Traceback" not in result.output
