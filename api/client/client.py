"""A client of the HTTP API, for the command line and for programs.

Knows the operations and their errors. A call returns what was asked for, or raises ApiError with the API's sentence.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import urllib3

from api.client.errors import ApiError, ApiUnreachable, error_of, reason_of

Trace = Callable[[str], None]
# Errors of single fields come one by one in the form of RFC 9457 only.
_ACCEPT = "application/problem+json, application/json;q=0.9, text/plain;q=0.8"
ANY_STATE = {"If-Match": "*"}
"""Said by whoever means a pool or a pool template whatever it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAnswer:
    """A pool with its entity tag and what the server warned about."""

    pool: dict[str, Any]
    etag: str | None
    warnings: tuple[str, ...]

    @property
    def tag(self) -> str | None:
        """The entity tag without quotes, as it may stand in a pool; a proxy may have made it a weak one."""
        return self.etag.removeprefix("W/").strip('"') if self.etag else None


class ApiClient:
    """Talks to one API server; `base` is its URL, perhaps with a path such as `/service/edgelb`."""

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        credentials: tuple[str, str] | None = None,
        timeout: float = 90.0,
        trace: Trace | None = None,
    ) -> None:
        """`credentials`, user and password, may stand in `base`, too. ValueError when `base` is no http(s) URL."""
        if "://" not in base:
            base = f"http://{base}"
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{without_secrets(base)} is no URL of the form http://host:port")
        if credentials is None and parts.username is not None:
            credentials = (unquote(parts.username), unquote(parts.password or ""))
        if token and credentials:
            raise ValueError("a DC/OS token and a user cannot be sent together, both need the header Authorization")
        self.base = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        self._authorization = None if credentials is None else _basic(*credentials)
        self._token = token
        self._trace = trace
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5.0, read=timeout))

    # Server

    def ping(self) -> str:
        """`pong`."""
        return self._text("GET", "/ping").strip()

    def version(self) -> str:
        """The server's version."""
        return self._text("GET", "/version").strip()

    # Pools

    def pools(self) -> list[dict[str, Any]]:
        """All pools, each in the version in which it was written."""
        return [_content(found) for found in self._json("GET", "/config")["pools"]]

    def pool(self, name: str) -> PoolAnswer:
        """One pool, in the version in which it was written."""
        answer = self._pool("GET", f"/pools/{quote(name, safe='')}")
        return replace(answer, pool=_content(answer.pool))

    def create(self, pool: Mapping[str, Any]) -> PoolAnswer:
        """Store a new pool of the version that stands in it, 2 by default."""
        return self._pool("POST", _collection(pool), body=pool)

    def validate(self, pool: Mapping[str, Any]) -> dict[str, Any]:
        """What would be said if the pool was stored: `valid`, `errors`, `moreErrors`, `warnings` and `haproxy`."""
        path = "/v1/validate" if pool.get("apiVersion") == "V1" else "/v2/validate"
        found: dict[str, Any] = parsed(self.call("POST", path, body=pool), f"POST {self.base}{path}")
        return found

    def rehearse_create(self, pool: Mapping[str, Any]) -> dict[str, Any]:
        """What creating the pool would do."""
        return self._rehearsed("POST", _collection(pool), pool)

    def rehearse_update(self, name: str, pool: Mapping[str, Any]) -> dict[str, Any]:
        """What replacing the pool would do."""
        return self._rehearsed("PUT", f"{_collection(pool)}/{quote(name, safe='')}", pool)

    def _rehearsed(self, method: str, path: str, pool: Mapping[str, Any]) -> dict[str, Any]:
        path = f"{path}?dryRun=true"
        found: dict[str, Any] = parsed(self.call(method, path, body=pool), f"{method} {self.base}{path}")
        return found

    def update(self, name: str, pool: Mapping[str, Any], *, etag: str | None = None) -> PoolAnswer:
        """Replace a pool; with `etag` (quotes or not) only if it still has that one."""
        path = f"{_collection(pool)}/{quote(name, safe='')}"
        return self._pool("PUT", path, body=pool, headers=_if_match(etag))

    def delete(self, name: str) -> None:
        """Remove a pool, whatever it is now."""
        try:
            self.call("DELETE", _pool_path(name))
        except ApiError as error:
            if error.status != 428:
                raise
            self.call("DELETE", _pool_path(name), headers=ANY_STATE)

    def status(self, name: str) -> dict[str, Any]:
        """Everything that is known about the pool now."""
        found: dict[str, Any] = self._json("GET", _pool_path(name, "status"))
        return found

    def statuses(self) -> list[dict[str, Any]]:
        """The state of every pool: `name`, `version`, `state`, `summary`, `reasons`."""
        found: list[dict[str, Any]] = self._json("GET", "/v2/status")
        return found

    def trace(self, task: str) -> dict[str, Any]:
        """How the last changes of the tasks whose ids contain the text went to the load balancers."""
        found: dict[str, Any] = self._json("GET", f"/v2/trace?{urlencode({'task': task})}")
        return found

    def why(self, task: str) -> dict[str, Any]:
        """Whether the tasks of this id, name or Marathon id are exposed, where, and if not, why."""
        found: dict[str, Any] = self._json("GET", f"/v2/why?{urlencode({'task': task})}")
        return found

    def metadata(self, name: str) -> dict[str, Any]:
        """Addresses and ports."""
        found: dict[str, Any] = self._json("GET", _pool_path(name, "metadata"))
        return found

    def lb_config(self, name: str) -> str:
        """The rendered configuration."""
        return self._text("GET", _pool_path(name, "lbconfig"))

    def pods(self, name: str) -> dict[str, Any]:
        """The pool's pods as the scheduler sees them."""
        found: dict[str, Any] = self._json("GET", _pool_path(name, "pods"))
        return found

    def plans(self, name: str) -> dict[str, Any]:
        """The scheduler's plans for the pool."""
        found: dict[str, Any] = self._json("GET", _pool_path(name, "plans"))
        return found

    def pod_action(self, name: str, pod: str, action: str) -> Any:
        """`restart` or `replace` one pod."""
        return self._json("POST", _pool_path(name, "pods", pod, action))

    def explain(self, name: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Where the pool sends a request (`url`, perhaps `headers`, `sni`, `frontend`), and why."""
        path = _pool_path(name, "explain")
        found: dict[str, Any] = parsed(self.call("POST", path, body=question), f"POST {self.base}{path}")
        return found

    def accept_removal(self, name: str) -> dict[str, Any]:
        """Let servers go that are kept without a task: `held` says what they are."""
        found: dict[str, Any] = self._json("POST", _pool_path(name, "accept-removal"))
        return found

    # HAProxy templates

    def lb_template(self, name: str | None = None) -> str:
        """The HAProxy template of a pool, or the default one."""
        return self._text("GET", "/v2/lbtemplate" if name is None else _pool_path(name, "lbtemplate"))

    def set_lb_template(self, name: str, template: str) -> tuple[str, ...]:
        """Give a pool a template of its own; what the server warned about."""
        response = self.call("PUT", _pool_path(name, "lbtemplate"), text=template, headers=ANY_STATE)
        return tuple(response.headers.getlist("X-Edgelb-Warning"))

    def delete_lb_template(self, name: str) -> None:
        """Let a pool have the default template again."""
        self.call("DELETE", _pool_path(name, "lbtemplate"), headers=ANY_STATE)

    # The framework

    def uninstall(self, framework: str) -> None:
        """Ask for the end of all pools and of the framework, whose name confirms it."""
        self.call("POST", "/v2/uninstall", body={"confirm": framework})

    def uninstall_progress(self) -> dict[str, Any]:
        """`status` (None when it was not asked for, COMPLETE at the end), `message` and `framework`, its name."""
        found: dict[str, Any] = self._json("GET", "/v2/uninstall")
        return found

    # HTTP

    def _pool(
        self, method: str, path: str, *, body: object = None, headers: dict[str, str] | None = None
    ) -> PoolAnswer:
        response = self.call(method, path, body=body, headers=headers)
        return PoolAnswer(
            pool=parsed(response, f"{method} {self.base}{path}"),
            etag=response.headers.get("ETag"),
            warnings=tuple(response.headers.getlist("X-Edgelb-Warning")),
        )

    def _json(self, method: str, path: str) -> Any:
        response = self.call(method, path)
        return parsed(response, f"{method} {self.base}{path}") if response.data else None

    def _text(self, method: str, path: str) -> str:
        return self.call(method, path).data.decode(errors="replace")

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer to any request, unless it is an error; for what this class has no method."""
        sent = {"Accept": _ACCEPT, **(headers or {})}
        if self._token:
            # DC/OS' Admin Router reads Authorization; the API itself the documented `token` header.
            sent |= {"Authorization": f"token={self._token}", "token": self._token}
        elif self._authorization:
            sent["Authorization"] = self._authorization
        data = None
        if method in ("POST", "PUT"):
            # Also without a body: nothing changes by what a foreign page can make a browser send.
            sent["Content-Type"] = "application/json"
        if body is not None:
            data = json.dumps(body).encode()
        if text is not None:
            sent["Content-Type"], data = "text/plain; charset=utf-8", text.encode()
        url = f"{self.base}{path}"
        self._say(f"> {method} {without_secrets(url)}")
        try:
            response = self._http.request(method, url, body=data, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"no answer from {without_secrets(self.base)}: {reason_of(error)}") from error
        self._say(f"< HTTP {response.status}, {len(response.data)} bytes")
        if response.status >= 400:
            raise error_of(response, without_secrets(self.base))
        if response.status >= 300 and response.status != 304:
            where = without_secrets(response.headers.get("Location", ""))
            raise ApiError(response.status, f"the server points to {where or 'another address'}; use that as --api")
        return response

    def _say(self, line: str) -> None:
        if self._trace is not None:
            self._trace(line)


def without_secrets(url: str) -> str:
    """The URL without user, password and query, which may hold credentials."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be shown"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _if_match(etag: str | None) -> dict[str, str]:
    quoted = f'"{etag}"' if etag and etag[-1:] not in '"*' else etag
    return {"If-Match": quoted} if quoted else {}


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _pool_path(name: str, *rest: str) -> str:
    return "/v2/pools/" + "/".join(quote(part, safe="") for part in (name, *rest))


def _collection(pool: Mapping[str, Any]) -> str:
    """Where pools of this version are."""
    return "/v1/loadbalancers" if pool.get("apiVersion") == "V1" else "/v2/pools"


def _content(container: Mapping[str, Any]) -> dict[str, Any]:
    """The pool in the container that tells its version."""
    found: dict[str, Any] = container[container["apiVersion"].lower()]
    return found


def parsed(response: urllib3.BaseHTTPResponse, what: str) -> Any:
    """The JSON of an answer; `what` was asked."""
    try:
        return json.loads(response.data)
    except ValueError as error:
        raise ApiError(response.status, f"{what} answered with something that is no JSON; is that the API?") from error
