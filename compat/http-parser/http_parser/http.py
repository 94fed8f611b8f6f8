"""An incremental parser of one HTTP response, with the interface of upstream's `HttpParser`.

Knows the calls that pymesos makes and answers them from h11's events. Does not parse requests, and does not decompress.
"""

import h11

HTTP_REQUEST, HTTP_RESPONSE, HTTP_BOTH = 0, 1, 2

# pymesos reports the number only; any value but 0 stands for "not HTTP".
_PROTOCOL_ERROR = 1
_START = b"HTTP/"
# h11 keeps an incomplete header in memory up to this size and then gives up.
_MAX_HEADER = 64 * 1024


class HttpParser:
    """One response, fed with bytes in any pieces.

    There is no attribute `errno`: pymesos takes its presence for a parser of another kind.
    """

    def __init__(self, kind: int = HTTP_BOTH, decompress: bool = False) -> None:
        if kind == HTTP_REQUEST:
            raise ValueError("kind: this parser reads responses only, and kind 0 is a request")
        if decompress:
            raise ValueError("decompress: this parser leaves the body as it is on the wire")
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADER)
        # h11 reads a response only to a request that went out; pymesos has written its own to the socket.
        self._connection.send(
            h11.Request(method="POST", target="/", headers=[("Host", "mesos"), ("Content-Length", "0")])
        )
        self._connection.send(h11.EndOfMessage())
        self._start = b""
        self._error = 0
        self._status = 0
        self._headers: dict[str, str] = {}
        self._headers_complete = False
        self._message_complete = False
        self._body = bytearray()

    def execute(self, data: bytes, length: int) -> int:
        """Parse the first `length` bytes and return how many were taken; 0 bytes are the end of the connection."""
        if self._error:
            return 0
        piece = bytes(data[:length])
        if len(self._start) < len(_START):
            # h11 looks at the first line when the header is complete, which garbage never is.
            self._start += piece[: len(_START) - len(self._start)]
            if not _START.startswith(self._start):
                self._error = _PROTOCOL_ERROR
                return 0
        if self._message_complete:
            return length
        try:
            self._connection.receive_data(piece)
            self._take_events()
        except h11.RemoteProtocolError:
            self._error = _PROTOCOL_ERROR
            return 0
        return length

    def _take_events(self) -> None:
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Response):
                self._status = event.status_code
                for raw_name, raw_value in event.headers.raw_items():
                    name, value = raw_name.decode("ascii").upper(), raw_value.decode("latin-1")
                    self._headers[name] = f"{self._headers[name]}, {value}" if name in self._headers else value
                self._headers_complete = True
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._message_complete = True
                return
            elif not isinstance(event, h11.InformationalResponse):
                return

    def get_errno(self) -> int:
        """0 while the bytes are HTTP."""
        return self._error

    def get_status_code(self) -> int:
        """Status code, 0 before it is known."""
        return self._status

    def get_headers(self) -> dict[str, str]:
        """Headers by upper-case name; the values of a repeated header are joined with a comma and a space."""
        return dict(self._headers)

    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self._headers.get("TRANSFER-ENCODING", "").lower() == "chunked"

    def is_headers_begin(self) -> bool:
        """Whether the first line has come."""
        return self._headers_complete

    def is_headers_complete(self) -> bool:
        """Whether status and headers are known."""
        return self._headers_complete

    def is_message_complete(self) -> bool:
        """Whether the whole body has come."""
        return self._message_complete

    def is_partial_body(self) -> bool:
        """Whether `recv_body` has something to give."""
        return bool(self._body)

    def recv_body(self) -> bytes:
        """The part of the body that came since the last call."""
        body, self._body = bytes(self._body), bytearray()
        return body
