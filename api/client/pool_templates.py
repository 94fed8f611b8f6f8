"""Pool templates for clients of the HTTP API: its operations, by a client whose errors each call raises."""

from typing import Any
from urllib.parse import quote

from api.client.client import ANY_STATE, ApiClient
from api.client.transport import parsed

_BASE = "/v2/pooltemplates"
_WARNING = "X-Edgelb-Warning"


class PoolTemplateClient:
    """Of the API server that the client talks to."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def all(self) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """All of them, each with its `name`; what the server warned about."""
        response = self._client.call("GET", _BASE)
        return parsed(response, f"GET {_BASE}"), tuple(response.headers.getlist(_WARNING))

    def create(self, name: str) -> dict[str, Any]:
        """A new one, which is like the default one."""
        found: dict[str, Any] = parsed(self._client.call("POST", _BASE, body={"name": name}), f"POST {_BASE}")
        return found

    def delete(self, name: str) -> None:
        """Remove one, and with it its pool."""
        self._client.call("DELETE", _path(name), headers=ANY_STATE)

    def text(self, name: str) -> str:
        """The text of one."""
        return self._client.call("GET", _path(name, "template")).data.decode()

    def set_text(self, name: str, text: str, *, rehearse: bool = False) -> tuple[str, tuple[str, ...]]:
        """Give one another text: what is stored, and what the server warned about; to `rehearse` stores nothing."""
        path = f"{_path(name, 'template')}{'?dryRun=true' if rehearse else ''}"
        response = self._client.call("PUT", path, text=text, headers=ANY_STATE)
        return response.data.decode(), tuple(response.headers.getlist(_WARNING))

    def reset(self, name: str) -> None:
        """Let one have the default text again."""
        self._client.call("DELETE", _path(name, "template"), headers=ANY_STATE)

    def status(self, name: str) -> dict[str, dict[str, Any]]:
        """By the name of its pool: `status`, `message` and `statuses`, by framework and task."""
        path = _path(name, "status")
        found: dict[str, dict[str, Any]] = parsed(self._client.call("GET", path), f"GET {path}")
        return found


def _path(*parts: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in parts)))
