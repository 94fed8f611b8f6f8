"""Checks in the words of `customCheck`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.words.health_check import HttpRequest, line_problem, parse_request


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", HttpRequest()),
        ("/ping", HttpRequest(path="/ping")),
        ("GET /ping", HttpRequest(method="GET", path="/ping")),
        ("/ping HTTP/1.0", HttpRequest(path="/ping", version="HTTP/1.0")),
        (
            r"GET /ping HTTP/1.1\r\nHost:\ www\r\nUser-Agent:\ check 1",
            HttpRequest(
                method="GET", path="/ping", version="HTTP/1.1", headers=(("Host", "www"), ("User-Agent", "check 1"))
            ),
        ),
        ("GET / HTTP/1.1\r\nHost: www\r\n", HttpRequest(method="GET", version="HTTP/1.1", headers=(("Host", "www"),))),
    ],
)
def test_a_request_is_read_as_haproxys_old_releases_did(text: str, request_: HttpRequest) -> None:
    """Where they took all of it in one line, with escapes; a method without a path is none."""
    assert parse_request(text) == request_


@pytest.mark.parametrize("text", ["GET", "GET x", "GET / HTTP/1.1 x", "GET /\nserver x", "GET / HTTP/1.1\r\nA'b: c"])
def test_what_is_no_request_is_refused(text: str) -> None:
    """Nor what would end HAProxy's line."""
    assert parse_request(text) is None


@given(st.text() | st.text("GET/ :x\\\r\n'\"$#%{}1.HTP"))
def test_no_character_that_means_something_to_haproxy_gets_through(text: str) -> None:
    """Whatever the text."""
    request = parse_request(text)
    if request is not None:
        values = [request.method, request.path, *(one for header in request.headers for one in header)]
        assert not set("".join(values)) & set("'\"\\$#{}\r\n\t")
    if line_problem(text) is None:
        assert not set(text) & set("'\"\\$#{}\r\n\t")
