"""HAProxy's stats socket: one persistent connection, its answers, and what HAProxy 2.6 takes at run time.

Knows the command line's prompt, severities and payloads. Does not know why a command is sent.
"""

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pool_executor.lbmgr.haproxy.orders import Capabilities
from sdk.errors import TemporaryFailure

# What `add server` of HAProxy 2.6.12 accepted when each was tried, with the number of words that follow. Refused there,
# so absent here: cookie, init-addr, log-proto, max-reuse, namespace, no-check, no-agent-check, no-ssl, non-stick,
# redir, resolvers and resolve-*, socks4, stick, tcp-ut, track; absent as well is enabled, because HAProxy then takes
# the server for running and never sends it a request. What ca-file and crt name must be loaded already.
_ALONE = (
    "agent-check allow-0rtt backup check check-send-proxy check-ssl disabled force-tlsv12 force-tlsv13 no-ssl-reuse "
    "no-sslv3 no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 send-proxy send-proxy-v2 send-proxy-v2-ssl "
    "send-proxy-v2-ssl-cn ssl tfo"
)
_WITH_A_WORD = (
    "addr agent-addr agent-inter agent-port agent-send alpn ca-file check-alpn check-proto check-sni ciphers "
    "ciphersuites crt downinter error-limit fall fastinter inter maxconn maxqueue minconn npn observe on-error "
    "on-marked-down on-marked-up pool-low-conn pool-max-conn pool-purge-delay port proto proxy-v2-options rise "
    "slowstart sni source ssl-max-ver ssl-min-ver verify verifyhost weight ws"
)
SERVER_OPTIONS = dict.fromkeys(_ALONE.split(), 0) | dict.fromkeys(_WITH_A_WORD.split(), 1)

_PROMPT = b"\n> "
# HAProxy reads a command line into one buffer of 16 kB (tune.bufsize), less what it reserves.
_MAX_LINE = 8_000
_MAX_BATCH = 50
_MAX_PAYLOAD = 8_000
# One order with its payload has to fit into that buffer as a whole.
_MAX_FILE = 15_000
_SEVERITY = re.compile(r"\[([0-7])\]: ")
_ERROR = 3  # syslog: err and worse


class SocketFailed(TemporaryFailure):
    """The stats socket did not answer; what was sent may or may not have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one command; `text` without prompt and severity."""

    command: str
    text: str
    ok: bool


def capabilities(version: str) -> Capabilities:
    """What a HAProxy of this version takes at run time; nothing for one older than 2.6 or of unknown version."""
    match = re.match(r"(\d+)\.(\d+)", version)
    new_enough = match is not None and (int(match[1]), int(match[2])) >= (2, 6)
    return Capabilities(version=version, server_options=SERVER_OPTIONS if new_enough else {})


class Runtime:
    """A connection to one worker's stats socket. Not thread-safe; every call raises SocketFailed at its deadline."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self.path = path
        self._timeout = timeout
        self._buffer = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._deadline = time.monotonic() + timeout
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(str(path))
            self._send("prompt\n")
            self._read_answer()
            self._send("set severity-output number\n")
            self._read_answer()
        except OSError as error:
            self.close()
            raise SocketFailed(f"the stats socket {path} does not answer: {error}") from error
        except SocketFailed:
            self.close()
            raise

    def __enter__(self) -> "Runtime":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a leaving worker does not wait for it."""
        self._socket.close()

    def run(self, commands: Sequence[str], timeout: float | None = None) -> list[Reply]:
        """Send the commands in order, several per line, and return one reply for each.

        All are sent even when one fails: HAProxy has no transaction, and the caller's remedy is a reload.
        """
        replies: list[Reply] = []
        start = 0
        while start < len(commands):
            self._deadline = time.monotonic() + (timeout or self._timeout)
            end, size = start, 0
            while end < len(commands) and end - start < _MAX_BATCH and size + len(commands[end]) < _MAX_LINE:
                size += len(commands[end]) + 1
                end += 1
            end = max(end, start + 1)
            batch = commands[start:end]
            self._send(";".join(batch) + "\n")
            replies += [_reply(command, self._read_answer()) for command in batch]
            start = end
        return replies

    def ask(self, command: str, timeout: float | None = None) -> Reply:
        """Send one command and return its reply."""
        return self.run([command], timeout)[0]

    def replace_map(self, file: str, entries: Sequence[str]) -> Reply:
        """Replace all entries of a map in one transaction; the first reply that is an error ends it."""
        reply = self.ask(f"prepare map {file}")
        found = re.search(r"New version created: (\d+)", reply.text)
        if found is None:
            return Reply(command=reply.command, text=reply.text, ok=False)
        version = found[1]
        lines: list[str] = []
        size = 0
        for entry in entries:
            if lines and size + len(entry) > _MAX_PAYLOAD:
                reply = self._payload(f"add map @{version} {file}", lines)
                if not reply.ok:
                    return reply
                lines, size = [], 0
            lines.append(entry)
            size += len(entry.encode()) + 1
        if lines:
            reply = self._payload(f"add map @{version} {file}", lines)
            if not reply.ok:
                return reply
        return self.ask(f"commit map @{version} {file}")

    def replace_file(self, kind: str, path: str, lines: Sequence[str], staple: Sequence[str] = ()) -> Reply:
        """Replace the content of a file that is loaded for TLS, everywhere at once; the first error ends it.

        `kind` is `cert` or `ca-file`, `lines` are of PEM, none of them empty; `staple` is what OCSP says about it.
        """
        order = f"set ssl {kind} {path}"
        if len(order) + sum(len(line) + 1 for line in lines) > _MAX_FILE:
            return Reply(command=order, text=f"it has more than {_MAX_FILE} bytes", ok=False)
        reply = self._payload(order, lines)
        if _in_transaction(reply):
            if staple:
                reply = self._payload(f"{order}.ocsp", staple)
            if not staple or _in_transaction(reply):
                reply = self.ask(f"commit ssl {kind} {path}")
                if reply.ok and "Success!" in reply.text:
                    return reply
            self.ask(f"abort ssl {kind} {path}")
        return Reply(command=reply.command, text=" ".join(reply.text.split()), ok=False)

    def info(self) -> dict[str, str]:
        """`show info` as a mapping."""
        return parse_info(self.ask("show info").text)

    def _payload(self, command: str, lines: Sequence[str]) -> Reply:
        self._deadline = time.monotonic() + self._timeout
        self._send(f"{command} <<\n" + "\n".join(lines) + "\n\n")
        # The prompt inside a payload is a plus sign, one for each line.
        answer = self._read_answer()
        while answer.startswith("+ "):
            answer = answer[2:]
        return _reply(command, answer)

    def _send(self, text: str) -> None:
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(text.encode())
        except OSError as error:
            raise SocketFailed(f"the stats socket {self.path} broke: {error}") from error

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SocketFailed(f"the stats socket {self.path} did not answer within {self._timeout:g} s")
        return left

    def _read_answer(self) -> str:
        scanned = 0
        while True:
            at = self._buffer.find(_PROMPT, max(0, scanned - len(_PROMPT)))
            if at >= 0:
                answer = bytes(self._buffer[:at])
                del self._buffer[: at + len(_PROMPT)]
                return answer.decode(errors="replace")
            scanned = len(self._buffer)
            try:
                self._socket.settimeout(self._left())
                # From 128 kB on malloc would take the memory from the kernel each time, and give it back.
                data = self._socket.recv(64 * 1024)
            except OSError as error:
                raise SocketFailed(f"the stats socket {self.path} broke: {error}") from error
            if not data:
                raise SocketFailed(f"HAProxy closed the stats socket {self.path}")
            self._buffer += data


def parse_info(text: str) -> dict[str, str]:
    """The `Name: value` lines of `show info`."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _in_transaction(reply: Reply) -> bool:
    return reply.ok and reply.text.lower().startswith("transaction ")


def _reply(command: str, answer: str) -> Reply:
    text = answer.strip("\n")
    match = _SEVERITY.match(text)
    severity = int(match[1]) if match else 7
    text = text[match.end() :] if match else text
    # HAProxy reports an unknown command and a lack of rights as plain information.
    ok = severity > _ERROR and not text.startswith(("Unknown command", "Permission denied"))
    return Reply(command=command, text=text.strip(), ok=ok)


def ask_once(path: Path, command: str, timeout: float = 5.0) -> str:
    """Ask the master's socket, which has no use for a lasting connection: it closes at every reload."""
    deadline = time.monotonic() + timeout
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(command.encode() + b"\n")
            # The master answers when it sees the end of the request, not at the end of the line.
            connection.shutdown(socket.SHUT_WR)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("timed out")
                connection.settimeout(left)
                data = connection.recv(65536)
                if not data:
                    return answer.decode(errors="replace").strip()
                answer += data
    except OSError as error:
        raise SocketFailed(f"the socket {path} does not answer: {error}") from error
