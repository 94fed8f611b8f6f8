"""The way to the leading scheduler: where it is stands in its leadership node, what it says is passed on.

Knows the node and HTTP. Does not know what plans and pods are.
"""

import json
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from api.web.problems import ApiProblem
from sdk.errors import InvalidSpec, SdkError
from sdk.storage.connection import ZooKeeper

_CONNECT, _READ = 2.0, 5.0
_MAX_ANSWER = 32 * 1024 * 1024
_CONNECTIONS = 16
"""Kept open: as many as the API server has threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and JSON of the scheduler."""

    status: int
    body: Any


def service_path(service: str, *path: str) -> str:
    """`/v1/services/<service>/<path...>`."""
    return "/v1/services/" + "/".join(quote(part, safe="") for part in (service, *path))


class SchedulerLink:
    """Calls the scheduler that is in charge of one framework."""

    def __init__(
        self, zookeeper: ZooKeeper, root: str, framework: str, secret: str | None = None, ca: Path | None = None
    ) -> None:
        """All is sent with `secret`; when None with the one that the leader wrote beside its address. `ca` are the
        certificates to trust where it speaks TLS, the system's when None. Raises InvalidSpec.
        """
        self._zookeeper = zookeeper
        self._secret = secret
        self._holder = f"{root}/frameworks/{framework}/leader/holder"
        self._framework, self._record = framework, f"{root}/frameworks/{framework}/framework"
        self._http = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT, read=_READ),
            maxsize=_CONNECTIONS,
            ssl_context=_tls(ca),
        )
        self._silent: tuple[str, str] | None = None
        """The scheduler that did not answer the last call, and the sentence."""
        self._trying = threading.Lock()

    def url(self) -> str:
        """Base URL of the leading scheduler; ApiProblem 503 when there is none."""
        return self._leader()[0]

    def doubt(self) -> str | None:
        """Why a pool that is stored now is not placed soon, as far as ZooKeeper tells; None when nothing stands against
        it.
        """
        try:
            self._leader()
            record = self._zookeeper.get_json(self._record)
        except ApiProblem as problem:
            return problem.message
        except SdkError as error:
            return str(error)
        if record is None:
            return (
                f"the framework {self._framework} is not registered with Mesos, and until it is nothing is placed;"
                " after an uninstall edgelb run scheduler (or edgelb serve) has to be started again for that"
            )
        if isinstance(record[0], dict) and record[0].get("uninstalling"):
            return (
                f"the framework {self._framework} is being uninstalled, and all pools with it: create the pool again"
                " when that is over and edgelb run scheduler (or edgelb serve) has been started again"
            )
        return None

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
        """Call a path of one service and return what the scheduler said, whatever its status."""
        return self.call(method, service_path(service, *path))

    def call(self, method: str, path: str, body: object | None = None) -> Answer:
        """Call any path; ApiProblem 503 when the scheduler does not answer, 502 when it does not answer in JSON or
        does not take our secret.

        While it does not answer one caller at a time waits for it, for seconds; the others are told at once, so that
        they hold no thread that answers requests.
        """
        url, secret = self._leader()
        silent = self._silent
        if silent is None or silent[0] != url:
            return self._send(url, secret, method, path, body)
        if not self._trying.acquire(blocking=False):
            raise _no_answer(silent[1])
        try:
            return self._send(url, secret, method, path, body)
        finally:
            self._trying.release()

    def _send(self, url: str, secret: str | None, method: str, path: str, body: object | None) -> Answer:
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
            data = response.read(_MAX_ANSWER + 1)
        except urllib3.exceptions.HTTPError as error:
            self._silent = url, f"the scheduler at {url} does not answer: {_reason(error)}"
            raise _no_answer(self._silent[1]) from error
        self._silent = None
        if len(data) > _MAX_ANSWER:
            response.close()  # what is left unread would be taken for the next answer
            raise ApiProblem(502, f"{url}{path} answered with more than {_MAX_ANSWER} bytes")
        response.release_conn()
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


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise InvalidSpec("scheduler-ca", f"{ca} cannot be used: {error}") from error


def _no_answer(sentence: str) -> ApiProblem:
    return ApiProblem(503, sentence, headers={"Retry-After": "2"})


def _reason(error: Exception) -> str:
    # urllib3's text holds the address of an object; the useful part is behind the last colon.
    return str(error).rpartition("> ")[2].rpartition(": ")[2] or type(error).__name__
