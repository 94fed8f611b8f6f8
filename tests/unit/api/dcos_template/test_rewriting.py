"""Paths and places as servers and clients see them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.rendering.rewriting import Replacement, Rewriting, rewriting
from sdk.errors import InvalidSpec

#: fromPath, toPath, the path that a client asks for, the path that the server is asked for: all documented ones first.
PATHS = [
    ("/nginx", "", "/nginx", "/"),
    ("/nginx", "/", "/nginx", "/"),
    ("/nginx", "/", "/nginx/", "/"),
    ("/nginx", "/", "/nginx/index.html", "/index.html"),
    ("/nginx", "/", "/nginx/subpath/index.html", "/subpath/index.html"),
    ("/nginx/", "", "/nginx", "/nginx"),
    ("/nginx/", "", "/nginx/", "/"),
    ("/nginx", "/subpath", "/nginx", "/subpath"),
    ("/nginx", "/subpath", "/nginx/", "/subpath/"),
    ("/nginx", "/subpath", "/nginx/index.html", "/subpath/index.html"),
    ("/nginx", "/subpath/", "/nginx/index.html", "/subpath//index.html"),
    ("/nginx/", "/subpath/", "/nginx/index.html", "/subpath/index.html"),
    # What the documentation leaves open.
    ("/nginx", "/", "/nginxfoo", "/nginxfoo"),
    ("/nginx", "/sub", "/nginxfoo", "/nginxfoo"),
    ("/nginx", "/", "/nginx//evil.example/", "/evil.example/"),
    ("/nginx/", "/", "/nginx//evil.example/", "/evil.example/"),
    ("/a.b", "/", "/axb", "/axb"),
    ("/a.b(c)*+", "/", "/a.b(c)*+/x", "/x"),
    ("/a%20b", "/c%20d", "/a%20b/x", "/c%20d/x"),
    ("/service//production/kibana", "/", "/service//production/kibana/app", "/app"),
    ("/", "/app/", "/x", "/app/x"),
    ("/nginx", "/", "/other", "/other"),
    ("/nginx", "/", "*", "*"),
    ("", "/app", "/x", "/x"),
]
#: fromPath, toPath, host as servers are told, what the server says, what the client sees; it asked web.example.
PLACES = [
    ("/nginx", "/", "", "/login", "/nginx/login"),
    ("/nginx", "/", "", "/", "/nginx/"),
    ("/nginx", "/", "", "/?next=/x", "/nginx/?next=/x"),
    ("/nginx", "", "", "/login", "/nginx/login"),
    ("/nginx", "/sub", "", "/sub", "/nginx"),
    ("/nginx", "/sub", "", "/sub/x?y#z", "/nginx/x?y#z"),
    ("/nginx", "/sub", "", "/sub?y", "/nginx?y"),
    ("/nginx", "/sub", "", "/subway", "/subway"),
    ("/nginx", "/sub", "", "/else", "/else"),
    ("/nginx/", "/sub/", "", "/sub/x", "/nginx/x"),
    ("/nginx", "/sub/", "", "/sub/x", "/nginx/x"),
    ("/", "/sub", "", "/sub/x", "/x"),
    ("/", "/sub", "", "/sub", "/"),
    ("/svc", "/svc", "", "/svc/x", "/svc/x"),
    # Relative to what was asked, elsewhere, and what may not become another host.
    ("/nginx", "/", "", "login", "login"),
    ("/nginx", "/", "", "//other.example/x", "//other.example/x"),
    ("/", "/sub", "", "/sub//other.example/x", "/other.example/x"),
    ("/nginx", "/", "", "https://other.example/x", "https://other.example/x"),
    ("/nginx", "/", "app.test", "http://other.example/x", "http://other.example/x"),
    ("", "", "app.test", "http://app.test//other.example/x", "/other.example/x"),
    # At the client's own host.
    ("/nginx", "/", "", "http://web.example/login", "http://web.example/nginx/login"),
    ("/nginx", "/", "", "https://Web.Example/login", "https://Web.Example/nginx/login"),
    ("/nginx", "/sub", "", "http://web.example/sub", "http://web.example/nginx"),
    ("/", "/sub", "", "http://web.example/sub/x", "http://web.example/x"),
    ("/nginx", "/", "", "http://web.example.evil/login", "http://web.example.evil/login"),
    # At the host that the server was told.
    ("", "", "app.test", "http://app.test/login", "/login"),
    ("", "", "app.test", "http://app.test", "/"),
    ("", "", "app.test:8080", "https://app.test:8080/login?x=y", "/login?x=y"),
    ("", "", "app.test", "http://appxtest/login", "http://appxtest/login"),
    ("/nginx", "/", "app.test", "http://app.test/login", "/nginx/login"),
    ("/nginx", "/sub", "app.test", "http://app.test:81/sub/x", "/nginx/x"),
]


def made(**fields: Any) -> Rewriting:
    values = {
        "host": "",
        "from_path": "",
        "to_path": "",
        "set_host": True,
        "rewrite_path": True,
        "rewrite_location": True,
    }
    return rewriting(**{**values, **fields})


def replaced(text: str, by: Replacement | None) -> str:
    """As HAProxy does it."""
    if by is None:
        return text
    return re.sub(by.pattern, by.text.replace("%%", "%"), text, count=1) if re.match(by.pattern, text) else text


@pytest.mark.parametrize(("from_path", "to_path", "asked", "told"), PATHS)
def test_a_path_becomes_what_the_documentation_says(from_path: str, to_path: str, asked: str, told: str) -> None:
    """And ends at the end of a segment where it says nothing."""
    assert replaced(asked, made(from_path=from_path, to_path=to_path).path) == told


def test_each_half_can_be_switched_off_alone() -> None:
    """The pair of paths serves both."""
    fields = {"from_path": "/a", "to_path": "/b", "host": "app.test"}
    whole = made(**fields)
    assert all((whole.host, whole.path, whole.location_host, whole.location_path, whole.location_own))
    forth = made(**fields, rewrite_location=False)
    assert (forth.host, forth.path) == (whole.host, whole.path)
    assert (forth.location_host, forth.location_path, forth.location_own) == (None, None, None)
    back = made(**fields, set_host=False, rewrite_path=False)
    assert (back.host, back.path) == ("", None)
    assert (back.location_host, back.location_path) == (whole.location_host, whole.location_path)
    assert made() == made(to_path="/b") == Rewriting()


@pytest.mark.parametrize("field", ["host", "from_path", "to_path"])
@pytest.mark.parametrize("text", ["/a b", "/a'b", "/a\nb", "/a$b", "/a\\b", '/a"b', "/ä", "/a#b", "/a{b", "a'"])
def test_no_text_breaks_out_of_its_quotes(field: str, text: str) -> None:
    """Whatever ZooKeeper holds."""
    with pytest.raises(InvalidSpec):
        made(**{"from_path": "/x", field: text})


@given(st.from_regex(r"(/[A-Za-z0-9._~()*+%-]{1,6}){1,3}", fullmatch=True), st.data())
def test_the_way_back_is_the_opposite_of_the_way_forth(from_path: str, data: st.DataObject) -> None:
    """For a place below the prefix, whatever characters it is made of."""
    to_path = data.draw(st.from_regex(r"(/[A-Za-z0-9._~()*+%-]{1,6}){0,3}", fullmatch=True))
    rest = data.draw(st.from_regex(r"(/[a-z]{1,3}){1,3}", fullmatch=True))
    found = made(from_path=from_path, to_path=to_path)
    told = replaced(from_path + rest, found.path)
    assert told == to_path + rest
    assert replaced(told, found.location_path) == from_path + rest
