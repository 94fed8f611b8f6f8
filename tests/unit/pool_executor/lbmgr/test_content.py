"""The servers of one content in the structure of another."""

import pytest

from pool_executor.bundle import parse_server, replace_servers, skeleton
from pool_executor.lbmgr.content import Content, PartText, with_servers_of

A1, A2, A3 = (f"    server a{number} 10.0.0.1:{number} id {number}\n" for number in (1, 2, 3))


def content(**texts: str) -> Content:
    parts = {f"{name}.cfg": PartText.of(f"{name}.cfg", "config", text) for name, text in texts.items()}
    return Content(parts=parts | {"x.map": PartText.of("x.map", "map", "a b\n")}, ports={"PORT_WEB": "web"})


def text(found: Content, name: str = "b") -> str:
    return found.parts[f"{name}.cfg"].text


def test_servers_come_and_go_and_all_else_stays() -> None:
    """Also when the backend stands in another file, with other lines, or beside new ones."""
    running = content(b=f"backend a\n    balance source\n{A1}{A2}\nbackend other\n{A1}")
    wanted = content(c=f"backend new\n{A1}backend a\n    balance first\n{A2}{A3}")
    assert text(with_servers_of(running, wanted, added=True)) == (
        f"backend a\n    balance source\n{A2}{A3}\nbackend other\n{A1}"
    )
    assert text(with_servers_of(running, wanted, added=False)) == (
        f"backend a\n    balance source\n{A2}\nbackend other\n{A1}"
    )


def test_a_server_that_both_have_keeps_its_line() -> None:
    """Its options may belong to the structure that is not served."""
    running, wanted = content(b=f"backend a\n{A1}"), content(b=f"backend a\n{A1[:-1]} check\n{A2}")
    assert text(with_servers_of(running, wanted, added=True)) == f"backend a\n{A1}{A2}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"backend a\n{A1}", f"backend a\n{A2}"),
        ("backend a\n    mode tcp\n\nbackend c\n", f"backend a\n    mode tcp\n{A2}\nbackend c\n"),
        ("backend a\n", f"backend a\n{A2}"),
        (f"listen a\n{A1}    mode tcp\n{A3}# end\n", f"listen a\n{A2}    mode tcp\n# end\n"),
        (f"backend c\n{A1}", f"backend c\n{A1}"),
        (f"frontend a\n{A1}", f"frontend a\n{A1}"),
        ("# nothing\n", "# nothing\n"),
    ],
)
def test_servers_stand_where_servers_stood(before: str, after: str) -> None:
    """The first line in place of the first, at the end where there was none; the skeleton is the same."""
    server = parse_server(A2.rstrip("\n"))
    assert server is not None
    assert replace_servers(before, {"a": [server]}) == after
    assert skeleton(after) == skeleton(before)
