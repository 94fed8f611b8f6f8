"""HAProxy's messages as problems of fields; the messages were recorded from HAProxy 2.6.12 and 2.8.3."""

from api.validation.complaints import complained_field, problems
from scheduler.pools.problems import Problem


def field(file: str, line: int) -> str | None:
    return f"pool.haproxy.frontends[{line}]" if file == "25-frontend-web.cfg" else None


def named(message: str) -> str | None:
    return "pool.haproxy.backends[0]" if "'app'" in message else None


def test_a_message_is_about_the_line_that_it_names() -> None:
    """And is told without it: the file is none of whoever wrote the pool."""
    said = ["parsing [25-frontend-web.cfg:7] : error detected while parsing an 'http-request deny' rule : no such ACL"]
    assert list(problems(said, "2.6.12", field, named)) == [
        Problem(
            path="pool.haproxy.frontends[7]",
            rule="HAProxy 2.6.12 refuses it: error detected while parsing an 'http-request deny' rule : no such ACL",
        )
    ]


def test_a_message_without_a_known_line_is_about_the_section_that_it_names() -> None:
    """Some rules are looked at when all has been read."""
    assert complained_field("backend 'app' has no server", field, named) == "pool.haproxy.backends[0]"
    assert complained_field("parsing [10-global.cfg:3] : proxy 'app' : no", field, named) == "pool.haproxy.backends[0]"


def test_what_is_said_of_nothing_that_is_known_is_about_the_whole() -> None:
    """And once, however often it is said."""
    assert list(problems(["out of memory", "out of memory"], "2.8.3", field, named)) == [
        Problem(path="pool.haproxy", rule="HAProxy 2.8.3 refuses it: out of memory")
    ]
