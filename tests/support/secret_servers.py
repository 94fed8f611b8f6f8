"""Small servers that answer as stores of secrets do: HashiCorp Vault (KV 1 and 2, AppRole) and DC/OS' secrets API.

They listen on loopback, with TLS where they are given a certificate, and can be told to be away, slow or wrong.
"""

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.tls import Certificate


@dataclass
class Reply:
    """An answer: status, body and its type."""

    status: int
    body: bytes = b""
    kind: str = "application/json"

    @classmethod
    def of(cls, status: int, value: object) -> "Reply":
        """One of JSON."""
        return cls(status, json.dumps(value).encode())


class SecretServer:
    """What both have in common. `odd`, when set, answers in place of the store."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.secrets: dict[str, str | bytes] = {}
        self.odd: Callable[[str], Reply | None] | None = None
        self.asked: list[str] = []
        self._certificate = certificate
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where it listens, or did."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        answer, connections = self._reply, self._connections

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                headers = {name.lower(): text for name, text in self.headers.items()}
                reply = answer(self.command, self.path, headers, body)
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = _handle  # noqa: N815 - the names that http.server looks for

            def setup(self) -> None:
                super().setup()
                connections.add(self.connection)

            def finish(self) -> None:
                connections.discard(self.connection)
                super().finish()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        server.daemon_threads = True
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate.certificate, self._certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        self._server, self._port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Be away: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._server = None

    def _reply(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        path = urllib.parse.unquote(path)
        self.asked.append(f"{method} {path}")
        if self.odd is not None and (reply := self.odd(path)) is not None:
            return reply
        return self.answer(method, path, headers, body)

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        """As the store does."""
        raise NotImplementedError


@dataclass
class Role:
    """An AppRole."""

    role_id: str
    secret_id: str
    lease: int = 3600


class VaultServer(SecretServer):
    """Secrets are maps; `secrets` here are their values named `value`."""

    def __init__(self, version: int, certificate: Certificate | None = None, mount: str = "secret") -> None:
        super().__init__(certificate)
        self.version, self.mount = version, mount
        self.tokens = {"root-token"}
        self.role: Role | None = None
        self.maps: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        """As Vault does."""
        if path == "/v1/auth/approle/login" and method == "POST":
            if self.role is None or body != {"role_id": self.role.role_id, "secret_id": self.role.secret_id}:
                return Reply.of(400, {"errors": ["invalid role or secret ID"]})
            token = f"of-the-role-{len(self.tokens)}"
            self.tokens.add(token)
            return Reply.of(200, {"auth": {"client_token": token, "lease_duration": self.role.lease}})
        if headers.get("x-vault-token") not in self.tokens:
            return Reply.of(403, {"errors": ["permission denied"]})
        if path == "/v1/auth/token/lookup-self":
            return Reply.of(200, {"data": {}})
        before = f"/v1/{self.mount}/" + ("data/" if self.version == 2 else "")
        name = path.removeprefix(before)
        found = self.maps.get(name)
        if found is None and name in self.secrets:
            found = {"value": self.secrets[name]}
        if not path.startswith(before) or found is None:
            return Reply.of(404, {"errors": []})
        return Reply.of(200, {"data": {"data": found, "metadata": {"version": 1}} if self.version == 2 else found})


class DcosServer(SecretServer):
    """The API of DC/OS."""

    def __init__(self, certificate: Certificate | None = None, token: str = "an-acs-token") -> None:
        super().__init__(certificate)
        self.tokens = {token}
        self.denied: set[str] = set()
        self.accounts: dict[str, RSAPublicKey] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        """As DC/OS does."""
        if path == "/acs/api/v1/auth/login" and method == "POST":
            return self._log_in(body)
        if headers.get("authorization") not in {f"token={token}" for token in self.tokens}:
            return Reply(401, b"", "text/html")
        if path == "/secrets/v1/store":
            return Reply.of(403, {})
        name = path.removeprefix("/secrets/v1/secret/default/")
        if name in self.denied:
            return Reply.of(403, {"code": "ERR_FORBIDDEN"})
        value = self.secrets.get(name)
        if value is None:
            return Reply.of(404, {"code": "ERR_MISSING"})
        if isinstance(value, bytes):
            return Reply(200, value, "application/octet-stream")
        return Reply.of(200, {"value": value})

    def _log_in(self, body: Any) -> Reply:
        text, _, signature = body["token"].rpartition(".")
        claims = json.loads(_of_base64(text.partition(".")[2]))
        key = self.accounts.get(body["uid"])
        if key is None or claims["uid"] != body["uid"] or claims["exp"] < time.time():
            return Reply.of(401, {"code": "ERR_INVALID_CREDENTIALS"})
        try:
            key.verify(_of_base64(signature), text.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return Reply.of(401, {"code": "ERR_INVALID_CREDENTIALS"})
        token = f"of-the-account-{len(self.tokens)}"
        self.tokens.add(token)
        return Reply.of(200, {"token": token})


def _of_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
