"""Asking a master or an agent for faults over HTTP. Knows requests and what is wrong with an answer, not the faults."""

import base64
import json
import urllib.error
import urllib.request

from sdk.errors import EnvironmentProblem, SdkError
from sdk.local.core.wire import Json


class FaultError(SdkError, ValueError):
    """What was asked for is not possible here; the text says why."""


class NoSuchMember(FaultError):
    """The cluster has no master or agent of that name."""


def send(
    who: str, url: str, method: str, body: Json | None, credentials: tuple[str, str] | None, timeout: float
) -> Json:
    """The JSON answer of one request, `{}` when it is empty. FaultError when it is refused, with what was said."""
    headers = {"Content-Type": "application/json"}
    if credentials is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(credentials).encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own http address
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310 - our own http address
            content = response.read()
        found: Json = json.loads(content) if content else {}
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        error.close()
        raise FaultError(f"{who} refused: {said} (HTTP {error.code})") from error
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(f"{who} does not answer: {getattr(error, 'reason', error)}") from error
    return found
