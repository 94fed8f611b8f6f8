"""TLS of a server: its certificate from files that are renewed while it runs, and connections that do not block.

Knows OpenSSL and the file system. Does not know HTTP.
"""

import contextlib
import errno
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import structlog

from sdk.clock import Clock
from sdk.errors import InvalidSpec

_log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_LAST_READ = 64 * 1024

_Stamp = tuple[tuple[int, int, int] | None, ...]


class NoTls(Exception):
    """The client does not speak TLS, but HTTP in clear."""


class CertificateFiles:
    """A certificate with those above it, and its key; in one file, or the key in another.

    Files that are gone, or hold something of no use, change nothing: the certificate before goes on, and the log says
    so once.
    """

    def __init__(self, certificate: Path, key: Path | None, settings: tuple[str, str], clock: Clock) -> None:
        """Reads them; raises InvalidSpec with the name of the setting, that of the certificate or that of the key."""
        self._certificate, self._key, self._settings, self._clock = certificate, key, settings, clock
        self._lock = threading.Lock()
        self._looked = clock.monotonic()
        self._stamp = self._stamps()
        self._context = self._made()

    def context(self) -> ssl.SSLContext:
        """What new connections are to be made with."""
        with self._lock:
            present = self._clock.monotonic()
            if present - self._looked >= _LOOK_SECONDS:
                self._looked = present
                self._look()
            return self._context

    def _look(self) -> None:
        stamp = self._stamps()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._context = self._made()
        except InvalidSpec as error:
            _log.warning("The certificate cannot be used; the one before it goes on", problem=str(error))
        else:
            _log.info("The certificate was read again", file=str(self._certificate))

    def _stamps(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self._certificate, self._key) if path is not None)

    def _made(self) -> ssl.SSLContext:
        certificate_setting, key_setting = self._settings
        for setting, path in ((certificate_setting, self._certificate), (key_setting, self._key)):
            if path is not None:
                _require_readable(setting, path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslsocket_class = _Socket
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        key = self._key or self._certificate
        setting = key_setting if self._key else certificate_setting
        try:
            # A key with a password would be asked for on the terminal.
            context.load_cert_chain(self._certificate, key, password=_no_password)
        except _Locked as error:
            raise InvalidSpec(setting, f"{key} holds a key with a password; give one without") from error
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise InvalidSpec(setting, f"{key} holds a key that is not of {self._certificate}") from error
            rule = f"{self._certificate} and {key} must hold a certificate and its key in PEM"
            raise InvalidSpec(certificate_setting, f"{rule} ({error.reason or 'OpenSSL finds none'})") from error
        return context


class _Socket(ssl.SSLSocket):
    """Closed also when it could not be made, because the peer was gone: `wrap_socket` only lets go of it then."""

    def __del__(self) -> None:
        self.close()


class TlsConnection:
    """A connection that its peer opened, as a socket that does not block: BlockingIOError where there is nothing to be
    had yet. Any thread may use it; OpenSSL takes one at a time.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        """The handshake is made by the first reads."""
        connection.setblocking(False)
        self._tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._lock = threading.Lock()
        self.wants_to_write = False
        """Whether reading gets on when something could be written."""

    def recv(self, size: int) -> bytes:
        """What came, nothing at its end. NoTls when the client speaks in clear, and BlockingIOError."""
        with self._lock:
            self.wants_to_write = False
            try:
                return self._tls.recv(size)
            except ssl.SSLWantReadError as error:
                raise BlockingIOError(errno.EWOULDBLOCK, "nothing is there yet") from error
            except ssl.SSLWantWriteError as error:
                self.wants_to_write = True
                raise BlockingIOError(errno.EWOULDBLOCK, "the answer to the handshake is not sent yet") from error
            except ssl.SSLError as error:
                if error.reason == "HTTP_REQUEST":
                    raise NoTls from error
                raise ConnectionResetError(errno.ECONNRESET, "no TLS, or none that is accepted") from error

    def send(self, data: bytes) -> int:
        """How much was taken, or BlockingIOError."""
        with self._lock:
            try:
                return self._tls.send(data)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                raise BlockingIOError(errno.EWOULDBLOCK, "nothing can be sent yet") from error
            except ssl.SSLError as error:
                raise ConnectionResetError(errno.ECONNRESET, "the TLS connection broke") from error

    def send_in_clear(self, data: bytes) -> None:
        """A last word to who does not speak TLS, as far as that is possible at once."""
        with self._lock, contextlib.suppress(OSError):
            # What is not read makes the end of the connection an error, and the answer may be lost.
            socket.socket.recv(self._tls, _LAST_READ)
            socket.socket.send(self._tls, data)

    @property
    def pending(self) -> bool:
        """Whether something can be read of which the system's socket does not know any more."""
        with self._lock:
            return self._tls.pending() > 0

    def fileno(self) -> int:
        """Of the system's socket."""
        return self._tls.fileno()

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""
        del flag

    def getpeername(self) -> Any:
        """Whose connection it is."""
        return self._tls.getpeername()

    def getsockopt(self, *which: Any) -> Any:
        """Of the system's socket."""
        return self._tls.getsockopt(*which)

    def setsockopt(self, *option: Any) -> None:
        """Of the system's socket."""
        self._tls.setsockopt(*option)

    def close(self) -> None:
        """Say so to the peer where that is possible at once, and end."""
        with self._lock:
            # The peer is gone, or has not finished its handshake: nobody is there to be told.
            with contextlib.suppress(OSError, ValueError):
                self._tls.unwrap()
            self._tls.close()


class _Locked(Exception):
    """The key has a password."""


def _no_password() -> bytes:
    raise _Locked


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _require_readable(setting: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidSpec(setting, f"{path} cannot be read: {error.strerror}") from error
