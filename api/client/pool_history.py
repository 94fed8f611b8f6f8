"""The states that pools had, for clients of the HTTP API, by a client whose errors each call raises."""

from typing import Any

from api.client.client import ApiClient, PoolAnswer, if_match, pool_path
from api.client.transport import parsed


class PoolHistoryClient:
    """Of the API server that the client talks to."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def all(self, name: str) -> list[dict[str, Any]]:
        """The states, the newest first: `revision`, `version`, `written`, `author`, `fields`."""
        path = pool_path(name, "history")
        found: list[dict[str, Any]] = parsed(self._client.call("GET", path), f"GET {path}")
        return found

    def state(self, name: str, revision: str) -> dict[str, Any]:
        """The pool as it was in one of them."""
        path = pool_path(name, "history", revision)
        found: dict[str, Any] = parsed(self._client.call("GET", path), f"GET {path}")
        return found

    def rollback(self, name: str, revision: str, *, etag: str | None = None) -> PoolAnswer:
        """Give the pool that content: if it still has this `etag` (`*` for any), or without one if it is gone."""
        path = pool_path(name, "rollback")
        headers = if_match(etag) or {"If-None-Match": "*"}
        response = self._client.call("POST", path, body={"revision": revision}, headers=headers)
        return PoolAnswer.of(response, f"POST {path}")

    def rehearse(self, name: str, revision: str) -> dict[str, Any]:
        """What that would do."""
        path = f"{pool_path(name, 'rollback')}?dryRun=true"
        found: dict[str, Any] = parsed(self._client.call("POST", path, body={"revision": revision}), f"POST {path}")
        return found
