"""The stand-in for http-parser gives pymesos what it asks for, whatever the splits of the bytes."""

import pytest
from http_parser.http import HttpParser

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n"
    b"Mesos-Stream-Id: 1-2-3\r\nVary: a\r\nVary: b\r\n\r\n"
    b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
)


def parse(pieces: list[bytes]) -> tuple[HttpParser, bytes]:
    parser, body = HttpParser(), b""
    for piece in pieces:
        assert parser.execute(piece, len(piece)) == len(piece)
        if parser.is_partial_body():
            body += parser.recv_body()
    return parser, body


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_pieces_of_any_size_give_the_same_response(size: int) -> None:
    """Status, headers and body do not depend on how the bytes were cut."""
    parser, body = parse([RESPONSE[at : at + size] for at in range(0, len(RESPONSE), size)])
    assert parser.get_status_code() == 200
    assert parser.is_chunked()
    assert parser.is_headers_complete()
    assert parser.is_message_complete()
    assert parser.get_headers()["MESOS-STREAM-ID"] == "1-2-3"
    assert parser.get_headers()["VARY"] == "a, b"
    assert body == b"hello world"
    assert parser.get_errno() == 0


def test_headers_are_not_complete_before_the_blank_line() -> None:
    """pymesos asks for the status only when the headers are complete."""
    head = RESPONSE.index(b"\r\n\r\n") + 3
    parser, body = parse([RESPONSE[:head]])
    assert not parser.is_headers_complete()
    assert parser.get_status_code() == 0
    assert body == b""


def test_garbage_is_an_error_with_its_first_byte() -> None:
    """Bytes that cannot begin a response are not buffered."""
    parser = HttpParser()
    assert parser.execute(b"G", 1) == 0
    assert parser.get_errno() != 0
    assert not hasattr(parser, "errno")


def test_a_bad_chunk_size_is_an_error() -> None:
    """A body that breaks the chunk rules is reported by a number, not by an exception."""
    parser = HttpParser()
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
    assert parser.execute(data, len(data)) == 0
    assert parser.get_errno() != 0


def test_the_end_of_the_connection_inside_a_body_is_an_error() -> None:
    """0 bytes mean that the peer closed."""
    parser, body = parse([RESPONSE[:-10]])
    assert body.startswith(b"hello")
    parser.execute(b"", 0)
    assert parser.get_errno() != 0


def test_redirects_have_their_location() -> None:
    """The header that pymesos follows is found by its upper-case name."""
    head = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
    data = head + b"location: //127.0.0.1:5050/master/api/v1/scheduler\r\n\r\n"
    parser, _ = parse([data])
    assert parser.get_status_code() == 307
    assert parser.get_headers()["LOCATION"] == "//127.0.0.1:5050/master/api/v1/scheduler"
    assert parser.is_message_complete()


def test_requests_are_refused() -> None:
    """Only responses are parsed."""
    with pytest.raises(ValueError, match="kind"):
        HttpParser(0)
