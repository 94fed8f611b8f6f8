"""Which requests are sent again when a server fails, and how often."""

from dataclasses import dataclass
from enum import StrEnum


class RetryOn(StrEnum):
    """What has to happen for a request to be sent again, as HAProxy calls it."""

    CONN_FAILURE = "conn-failure"
    EMPTY_RESPONSE = "empty-response"
    JUNK_RESPONSE = "junk-response"
    RESPONSE_TIMEOUT = "response-timeout"
    STATUS_401 = "401"
    STATUS_403 = "403"
    STATUS_404 = "404"
    STATUS_408 = "408"
    STATUS_425 = "425"
    STATUS_500 = "500"
    STATUS_501 = "501"
    STATUS_502 = "502"
    STATUS_503 = "503"
    STATUS_504 = "504"


class Method(StrEnum):
    """Methods of HTTP."""

    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    PUT = "PUT"
    DELETE = "DELETE"
    POST = "POST"
    PATCH = "PATCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """A server that does not take the connection is never asked; then another one is, whatever the method."""

    count: int = 3
    """How often at most."""
    on: tuple[RetryOn, ...] = (RetryOn.CONN_FAILURE, RetryOn.EMPTY_RESPONSE)
    methods: tuple[Method, ...] = (Method.GET, Method.HEAD)
    """Whose requests may reach servers twice."""
