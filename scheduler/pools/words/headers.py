"""Names and values of HTTP headers that a load balancer may set. Pure."""

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VALUE = re.compile(r"[!-~]([ -~]{0,1022}[!-~])?")
#: They say where a message ends and how long its connection lasts, which is for the two ends of it.
_FRAMING = frozenset(
    {"connection", "content-length", "host", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


def header_name(text: str) -> str | None:
    """The rule that the name breaks, the end of a sentence."""
    if not _NAME.fullmatch(text):
        return "must be a header of letters, digits, - and _, at most 64 of them"
    if text.lower() == "host":
        return "is what rewriteHttp.host of a backend says"
    if text.lower() in _FRAMING:
        return "says how a message is sent, which is for HAProxy to say"
    return None


def header_value(text: str) -> str | None:
    """The rule that the value breaks, the end of a sentence."""
    if _VALUE.fullmatch(text):
        return None
    return "must be printable characters of ASCII without spaces around them, at most 1024"
