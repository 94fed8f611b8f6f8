"""One TLS connection of a server that waits for none of its clients: what waitress reads and writes goes through TLS.

The main thread reads, workers and the main thread write: OpenSSL allows only one of them at a time.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from typing import Any

from sdk.http.channel import Channel
from sdk.http.tls import names_of

_SENTENCE = json.dumps({"code": 400, "message": "this port speaks TLS only: ask it by https"}).encode()
_PLAIN = b"\r\n".join(
    (
        b"HTTP/1.1 400 Bad Request",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(_SENTENCE),
        b"Connection: close",
        b"",
        _SENTENCE,
    )
)
_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TlsChannel(Channel):
    """One TLS connection."""

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, context: ssl.SSLContext, **more: Any) -> None:
        sock.setblocking(False)
        # The handshake is done by the first reads, as far as each of them gets.
        self._tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._one_at_a_time = threading.Lock()
        self._has_to_write = False
        """The handshake waits until the client takes more."""
        self._has_more = False
        """TLS has taken from the socket what nobody has read yet: the socket wakes nobody for it."""
        super().__init__(server, self._tls, addr, adj, **more)

    @property
    def client_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Asked of the connection, which may be closed already."""
        with self._one_at_a_time:
            try:
                return names_of(self._tls.getpeercert())
            except (OSError, ValueError):
                return ()

    def writable(self) -> Any:
        """Also while the handshake has something to say, or a request may be read that has come already."""
        return self._may_go_on() or super().writable()

    def handle_write(self) -> None:
        """Go on with the handshake or the next request, or with an answer."""
        if self._may_go_on():
            self.handle_read()
        else:
            super().handle_write()

    def _may_go_on(self) -> bool:
        return (self._has_to_write or self._has_more) and bool(self.readable())

    def handle_read(self) -> None:
        """Read until nothing has come, or a request is complete."""
        while self.connected and self.readable():
            data = self._read()
            if data is None:
                return
            if not data:
                self.handle_close()
                return
            self.last_activity = time.time()
            self.received(data)

    def _read(self) -> bytes | None:
        """None while there is nothing, empty at the end."""
        with self._one_at_a_time:
            self._has_to_write = self._has_more = False
            try:
                data = self._tls.recv(self.adj.recv_bytes)
                self._has_more = self._tls.pending() > 0
            except ssl.SSLWantReadError:
                return None
            except ssl.SSLWantWriteError:
                self._has_to_write = True
                return None
            except (OSError, ValueError) as error:  # no TLS, a certificate that nobody trusts, or a client that left
                if getattr(error, "reason", None) == "HTTP_REQUEST":
                    self._tell_plain_client()
                return b""
        return data

    def _tell_plain_client(self) -> None:
        """He would see a connection that ends, and not know why. Not through TLS, which he does not speak."""
        with contextlib.suppress(OSError):
            socket.socket.send(self._tls, _PLAIN)

    def send(self, data: bytes, do_close: bool = True) -> int:
        """How much of it was taken; 0 while the client does not read."""
        with self._one_at_a_time:
            try:
                return self._tls.send(data)
            except _WAITS:
                return 0
            except (OSError, ValueError):
                pass  # closed below, where it may be
        if do_close:
            self.handle_close()
        return 0
