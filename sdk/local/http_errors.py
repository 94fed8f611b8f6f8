"""Why an HTTP request failed, in words for people instead of those of the HTTP library."""

import os
import socket

from aiohttp import (
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ServerDisconnectedError,
    TooManyRedirects,
)


def plain(error: BaseException) -> str:
    """The reason, to be put behind a colon."""
    match error:
        case ClientConnectorError():
            return plain(error.os_error)
        case TooManyRedirects():
            return "it sends everybody round in circles: no master leads yet"
        case ServerDisconnectedError():
            return "it ended the connection without an answer"
        case ClientPayloadError():
            return "the connection broke off"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            # Its numbers are not those of the system.
            return error.strerror or str(error)
        case OSError() if error.errno is not None and error.errno > 0:
            return os.strerror(error.errno)
        case ClientOSError():
            return "the connection broke off"
        case _:
            return str(error) or type(error).__name__
