"""The way to the leading scheduler: where it is stands in its leadership node, what it says is passed on.

Knows the node and HTTP. Does not know what plans and pods are.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from api.problems import ApiProblem
from sdk.storage.connection import ZooKeeper

_CONNECT, _READ = 2.0, 5.0
_MAX_ANSWER = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and JSON of the scheduler."""

    status: int
    body: Any


class SchedulerLink:
    """Calls the scheduler that is in charge of one framework."""

    def __init__(self, zookeeper: ZooKeeper, root: str, framework: str, secret: str | None = None) -> None:
        """Changes are sent with `secret`; when None with the one that the leader wrote beside its address."""
        self._zookeeper = zookeeper
        self._secret = secret
        self._holder = f"{root}/frameworks/{framework}/leader/holder"
        self._http = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=_CONNECT, read=_READ), maxsize=8
        )

    def url(self) -> str:
        """Base URL of the leading scheduler; ApiProblem 503 when there is none."""
        return self._leader()[0]

    def _leader(self) -> tuple[str, str | None]:
        """Base URL and secret."""
        found = self._zookeeper.get_json(self._holder)
        holder = found[0] if found and isinstance(found[0], dict) else {}
        url, secret = holder.get("url"), self._secret or holder.get("secret")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ApiProblem(
                503,
                "no scheduler is in charge at the moment; pools are stored and served, but not placed: check that"
                " edgelb run scheduler (or edgelb serve) is running",
                headers={"Retry-After": "2"},
            )
        return url.rstrip("/"), secret if isinstance(secret, str) else None

    def service(self, method: str, service: str, *path: str) -> Answer:
        """Call `/v1/services/<service>/<path...>` and return what the scheduler said, whatever its status."""
        parts = "/".join(quote(part, safe="") for part in (service, *path))
        return self.call(method, f"/v1/services/{parts}")

    def call(self, method: str, path: str, body: object | None = None) -> Answer:
        """Call any path; ApiProblem 503 when the scheduler does not answer, 502 when it does not answer in JSON or
        does not take our secret.
        """
        url, secret = self._leader()
        headers = {}
        if method != "GET":
            headers["Content-Type"] = "application/json"
            if secret is not None:
                headers["Authorization"] = f"Bearer {secret}"
        try:
            response = self._http.request(
                method,
                f"{url}{path}",
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                preload_content=False,
            )
            try:
                data = response.read(_MAX_ANSWER)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            message = f"the scheduler at {url} does not answer: {_reason(error)}"
            raise ApiProblem(503, message, headers={"Retry-After": "2"}) from error
        try:
            answer = json.loads(data) if data.strip() else None
        except ValueError as error:
            raise ApiProblem(
                502, f"{url}{path} answered HTTP {response.status} with something that is no JSON"
            ) from error
        if response.status == 401:
            raise ApiProblem(
                502,
                f"the scheduler at {url} does not take the secret of this API server: give both the same"
                " EDGELB_SCHEDULER_SECRET_FILE, or neither",
            )
        return Answer(status=response.status, body=answer)


def _reason(error: Exception) -> str:
    # urllib3's text holds the address of an object; the useful part is behind the last colon.
    return str(error).rpartition("> ")[2].rpartition(": ")[2] or type(error).__name__
