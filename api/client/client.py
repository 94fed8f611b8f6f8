"""A client of the HTTP API, for the command line and for programs.

Knows the operations and their errors. A call returns what was asked for, or raises ApiError with the API's sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import urllib3

from api.client.errors import ApiError
from api.client.transport import Trace, Transport, parsed

ANY_STATE = {"If-Match": "*"}
"""Said by whoever means a pool or a pool template whatever it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAnswer:
    """A pool with its entity tag and what the server warned about."""

    pool: dict[str, Any]
    etag: str | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, response: urllib3.BaseHTTPResponse, what: str) -> Self:
        """What the server answered to `what`; ApiError when that is no JSON."""
        return cls(
            pool=parsed(response, what),
            etag=response.headers.get("ETag"),
            warnings=tuple(response.headers.getlist("X-Edgelb-Warning")),
        )

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
        ca: Path | None = None,
        timeout: float = 90.0,
        trace: Trace | None = None,
    ) -> None:
        """As Transport; ValueError with what is wrong of the URL or the file."""
        self.transport = Transport(base, token=token, credentials=credentials, ca=ca, timeout=timeout, trace=trace)
        self.base = self.transport.base
        self.call = self.transport.call

    # Server

    def ping(self) -> str:
        """`pong`."""
        return self._text("GET", "/ping").strip()

    def version(self) -> str:
        """The server's version."""
        return self._text("GET", "/version").strip()

    def whoami(self) -> dict[str, Any]:
        """Who asks, as the API sees it: `user`, `role`, `pools`, `way`."""
        found: dict[str, Any] = self._json("GET", "/v2/whoami")
        return found

    def open_session(self) -> dict[str, Any]:
        """A session of the user whose credentials are sent: `user`, `role`, `pools`, `token`, `expires`."""
        found: dict[str, Any] = self._json("POST", "/v2/login")
        return found

    def changes(self, name: str | None = None) -> list[dict[str, Any]]:
        """Who changed what, the newest first: `at`, `user`, `client`, `method`, `path`, `name`."""
        query = "" if name is None else f"?{urlencode({'name': name})}"
        found: list[dict[str, Any]] = self._json("GET", f"/v2/changes{query}")["changes"]
        return found

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
        return self._pool("PUT", path, body=pool, headers=if_match(etag))

    def delete(self, name: str) -> None:
        """Remove a pool, whatever it is now."""
        try:
            self.call("DELETE", pool_path(name))
        except ApiError as error:
            if error.status != 428:
                raise
            self.call("DELETE", pool_path(name), headers=ANY_STATE)

    def status(self, name: str) -> dict[str, Any]:
        """Everything that is known about the pool now."""
        found: dict[str, Any] = self._json("GET", pool_path(name, "status"))
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
        found: dict[str, Any] = self._json("GET", pool_path(name, "metadata"))
        return found

    def lb_config(self, name: str) -> str:
        """The rendered configuration."""
        return self._text("GET", pool_path(name, "lbconfig"))

    def pods(self, name: str) -> dict[str, Any]:
        """The pool's pods as the scheduler sees them."""
        found: dict[str, Any] = self._json("GET", pool_path(name, "pods"))
        return found

    def plans(self, name: str) -> dict[str, Any]:
        """The scheduler's plans for the pool."""
        found: dict[str, Any] = self._json("GET", pool_path(name, "plans"))
        return found

    def pod_action(self, name: str, pod: str, action: str) -> Any:
        """`restart` or `replace` one pod."""
        return self._json("POST", pool_path(name, "pods", pod, action))

    def explain(self, name: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Where the pool sends a request (`url`, perhaps `headers`, `sni`, `frontend`), and why."""
        path = pool_path(name, "explain")
        found: dict[str, Any] = parsed(self.call("POST", path, body=question), f"POST {self.base}{path}")
        return found

    def accept_removal(self, name: str) -> dict[str, Any]:
        """Let servers go that are kept without a task: `held` says what they are."""
        found: dict[str, Any] = self._json("POST", pool_path(name, "accept-removal"))
        return found

    # HAProxy templates

    def lb_template(self, name: str | None = None) -> str:
        """The HAProxy template of a pool, or the default one."""
        return self._text("GET", "/v2/lbtemplate" if name is None else pool_path(name, "lbtemplate"))

    def set_lb_template(self, name: str, template: str) -> tuple[str, ...]:
        """Give a pool a template of its own; what the server warned about."""
        response = self.call("PUT", pool_path(name, "lbtemplate"), text=template, headers=ANY_STATE)
        return tuple(response.headers.getlist("X-Edgelb-Warning"))

    def delete_lb_template(self, name: str) -> None:
        """Let a pool have the default template again."""
        self.call("DELETE", pool_path(name, "lbtemplate"), headers=ANY_STATE)

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
        return PoolAnswer.of(response, f"{method} {self.base}{path}")

    def _json(self, method: str, path: str) -> Any:
        response = self.call(method, path)
        return parsed(response, f"{method} {self.base}{path}") if response.data else None

    def _text(self, method: str, path: str) -> str:
        return self.call(method, path).data.decode(errors="replace")


def if_match(etag: str | None) -> dict[str, str]:
    """The condition that a pool has this entity tag, with quotes or without, or any at all (*)."""
    quoted = f'"{etag}"' if etag and etag[-1:] not in '"*' else etag
    return {"If-Match": quoted} if quoted else {}


def pool_path(name: str, *rest: str) -> str:
    """Where a pool is, or something below it."""
    return "/v2/pools/" + "/".join(quote(part, safe="") for part in (name, *rest))


def _collection(pool: Mapping[str, Any]) -> str:
    """Where pools of this version are."""
    return "/v1/loadbalancers" if pool.get("apiVersion") == "V1" else "/v2/pools"


def _content(container: Mapping[str, Any]) -> dict[str, Any]:
    """The pool in the container that tells its version."""
    found: dict[str, Any] = container[container["apiVersion"].lower()]
    return found
