"""DC/OS' Admin Router as far as our API sees it: it looks whether a user may go to a path, and passes the request on.

Permissions are `dcos:adminrouter:service:edgelb` for all of it, and the same with `:/path` behind for what is below.
"""

import http.client
import json
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SERVICE = "dcos:adminrouter:service:edgelb"
_PREFIX = "/service/edgelb"


@dataclass(frozen=True, slots=True)
class Answered:
    """`refused`: by the router, so that the API was not asked."""

    status: int
    body: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class AdminRouter:
    """In front of the API at `url`, for users with these permissions; `normalizes` paths before it looks, or not."""

    url: str
    permissions: Mapping[str, Collection[str]]
    normalizes: bool = True

    def ask(self, user: str, method: str, path: str, body: object = None) -> Answered:
        """What the user is answered who asks for `/service/edgelb` and this path, as it stands."""
        looked_at = unquote(urlsplit(path).path)
        if self.normalizes:
            looked_at = posixpath.normpath(looked_at)
        if not self._may(user, looked_at):
            return Answered(403, "forbidden", refused=True)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            headers = {"Authorization": f"token={user}", "Content-Type": "application/json"}
            connection.request(method, f"{_PREFIX}{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return Answered(answer.status, answer.read().decode())
        finally:
            connection.close()

    def _may(self, user: str, path: str) -> bool:
        for permission in self.permissions.get(user, ()):
            service, _, below = permission.partition(":/")
            if service == SERVICE and (not below or path == f"/{below}" or path.startswith(f"/{below}/")):
                return True
        return False
