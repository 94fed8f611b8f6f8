"""One HTTP request of a test, which has patience with a busy machine: urllib3's own gives up after three seconds."""

from typing import Any

import urllib3


def request(
    method: str, url: str, *, retries: int | bool = False, timeout: float = 30.0, **more: Any
) -> urllib3.BaseHTTPResponse:
    """The answer, whatever its status; `more` is as with urllib3."""
    return urllib3.request(method, url, retries=retries, timeout=timeout, **more)
