"""Errors of the API as its clients meet them: what it says, and that it says nothing.

Knows the forms in which answers tell errors. Does not know how they are asked for.
"""

import json

import urllib3


class ApiError(Exception):
    """The API answered with an error; `status` is HTTP's.

    `errors` are its sentences about single fields, of which `more` were left out; the message has all of them joined.
    `ours` is False when the answer is not in the API's form: another server gave it.
    """

    def __init__(
        self, status: int, message: str, *, errors: tuple[str, ...] = (), more: int = 0, ours: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.more = more
        self.ours = ours


class ApiUnreachable(Exception):
    """No answer from the API at all."""


def error_of(response: urllib3.BaseHTTPResponse, base: str) -> ApiError:
    """What an answer that is an error says; `base` is whom it came from."""
    try:
        body = json.loads(response.data)
    except ValueError:
        body = None
    message = body.get("message") or body.get("detail") if isinstance(body, dict) else None
    if not message:
        # Not in our form, so not from us: a proxy in between, or another server.
        text = " ".join(response.data.decode(errors="replace").split())[:200]
        said = f" ({text})" if text else ""
        message = f"{base} answered HTTP {response.status}{said}; is that the Edge-LB API?"
        return ApiError(response.status, message, ours=False)
    listed, more = body.get("errors"), body.get("moreErrors")
    entries = listed if isinstance(listed, list) else []
    errors = tuple(str(one.get("detail")) for one in entries if isinstance(one, dict))
    return ApiError(response.status, str(message), errors=errors, more=more if isinstance(more, int) else 0)


def reason_of(error: Exception) -> str:
    """Why there was no answer, as a phrase."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.ProtocolError) and len(reason.args) > 1:
        reason = reason.args[1]
    return str(reason).rpartition(": ")[2] or type(reason).__name__
