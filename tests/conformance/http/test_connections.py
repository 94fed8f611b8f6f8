"""Connections of all kinds: what recordings do not show, and every HTTP client may do."""

import contextlib
import json

import pytest

from tests.conformance.http.bystander import JSON, Bystander, subscribe
from tests.conformance.http.processes import Running
from tests.conformance.http.wire import Wire, ask, request

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def unharmed(bystander: Bystander) -> object:
    """After every test the bystander is served as before."""
    yield
    bystander.alive()


def test_a_connection_serves_many_requests(running_master: Running) -> None:
    """Without `Connection: close` the next request goes over the same connection; with it the master closes."""
    with Wire(running_master.port) as wire:
        for path in ("/health", "/nosuch", "/version", "/state", "/health"):
            wire.request("GET", path)
            assert wire.answer().status == (404 if path == "/nosuch" else 200)
        wire.request("GET", "/health", {"Connection": "close"})
        assert wire.answer().status == 200
        assert wire.ended()


def test_an_old_client_is_disconnected(running_master: Running) -> None:
    """HTTP/1.0 without keep-alive: an answer, then the end of the connection."""
    with Wire(running_master.port) as wire:
        wire.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert wire.answer().status == 200
        assert wire.ended()


def test_pipelined_requests_are_answered_in_order(running_master: Running) -> None:
    """Requests sent before the first answer are answered one after the other."""
    paths = ["/health", "/version", "/nosuch", "/redirect", "/quota"]
    with Wire(running_master.port) as wire:
        wire.send(b"".join(request("GET", path, {}) for path in paths))
        assert [wire.answer().status for _ in paths] == [200, 200, 404, 307, 200]


def test_head_has_no_body(running_master: Running) -> None:
    """HEAD gets the headers of GET, with the length of what GET would send, and the connection stays in step."""
    with Wire(running_master.port) as wire:
        for path in ("/version", "/nosuch", "/health"):
            length = ask(running_master.port, "GET", path).fields["Content-Length"]
            wire.request("HEAD", path)
            assert wire.answer("HEAD").fields["Content-Length"] == length
        wire.request("GET", "/health")
        assert wire.answer().status == 200


def test_head_of_a_large_document_has_no_body(running_master: Running) -> None:
    """What is sent in pieces, packed or not, is measured and not sent either."""
    weights = [{"role": f"many{number}", "weight": 2.0} for number in range(200)]
    assert ask(running_master.port, "PUT", "/weights", body=json.dumps(weights).encode()).status == 200
    with Wire(running_master.port) as wire:
        for headers in ({}, {"Accept-Encoding": "gzip"}):
            wire.request("GET", "/roles", headers)
            length = wire.answer().fields["Content-Length"]
            wire.request("HEAD", "/roles", headers)
            assert wire.answer("HEAD").fields["Content-Length"] == length
        wire.request("GET", "/health")
        assert wire.answer().status == 200


@pytest.mark.parametrize("levels", [200, 900, 100_000])
def test_what_is_nested_too_deeply_is_refused_everywhere(running_master: Running, levels: int) -> None:
    """It could not be shown again: the classic endpoints refuse it as the calls do."""
    deep = '{"a":' * levels + "1" + "}" * levels
    disk = f'[{{"name":"disk","type":"SCALAR","scalar":{{"value":1}},"disk":{{"source":{deep}}}}}]'
    for method, path, body in (
        ("POST", "/reserve", f"slaveId=x&resources={disk}"),
        ("POST", "/create-volumes", f"slaveId=x&volumes={disk}"),
        ("POST", "/quota", f'{{"role":"q","guarantee":{disk}}}'),
        ("PUT", "/weights", f"[{deep}]"),
    ):
        answer = ask(running_master.port, method, path, body=body.encode())
        assert (answer.status, b"in parsing" in answer.body or b"nested more than" in answer.body) == (400, True)


def test_a_body_is_awaited(running_master: Running) -> None:
    """A body that comes byte by byte is taken as a whole; others are served meanwhile."""
    body = b'{"type":"GET_HEALTH"}'
    with Wire(running_master.port) as wire:
        wire.send(request("POST", "/api/v1", {**JSON, "Content-Length": str(len(body))}))
        for byte in body[:-1]:
            wire.send(bytes([byte]))
            assert ask(running_master.port, "GET", "/health").status == 200
        wire.send(body[-1:])
        assert json.loads(wire.answer().body)["get_health"] == {"healthy": True}


def test_a_chunked_body(running_master: Running) -> None:
    """A request's body may come in chunks."""
    with Wire(running_master.port) as wire:
        head = request("POST", "/api/v1", {**JSON, "Transfer-Encoding": "chunked"}).replace(
            b"Content-Length: 0\r\n", b""
        )
        wire.send(head + b'8\r\n{"type":\r\nd\r\n"GET_HEALTH"}\r\n0\r\n\r\n')
        assert json.loads(wire.answer().body)["type"] == "GET_HEALTH"


def test_expect_continue(running_master: Running) -> None:
    """A client that waits for leave to send its body gets it."""
    body = b'{"type":"GET_HEALTH"}'
    with Wire(running_master.port) as wire:
        wire.send(request("POST", "/api/v1", {**JSON, "Content-Length": str(len(body)), "Expect": "100-continue"}))
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().status == 200


def test_a_large_body(running_master: Running) -> None:
    """Twenty megabytes are one call like any other; more than 64 are refused with 413."""
    wire, answer, first = subscribe(running_master.port, name="large")
    headers = {**JSON, "Mesos-Stream-Id": answer.fields["Mesos-Stream-Id"]}
    call = {"type": "REVIVE", "framework_id": first["subscribed"]["framework_id"], "ignored": "x" * 20_000_000}
    with wire:
        assert ask(running_master.port, "POST", "/api/v1/scheduler", headers, json.dumps(call).encode()).status == 202
    with Wire(running_master.port) as other:
        other.send(request("POST", "/api/v1", {**JSON, "Content-Length": str(65 * 1024 * 1024)}))
        # Refused on the way, or from the head alone.
        try:
            other.send(b" " * (65 * 1024 * 1024))
        except OSError:
            return
        assert other.answer().status == 413


def test_a_half_closed_connection(running_master: Running) -> None:
    """Who says that nothing more will come is taken for gone, with an answer or without one."""
    with Wire(running_master.port) as wire:
        wire.send(request("GET", "/health", {}))
        wire.half_close()
        with contextlib.suppress(EOFError):
            assert wire.answer().status == 200


def test_the_end_of_a_stream(running_master: Running) -> None:
    """TEARDOWN ends the stream with a zero chunk; the connection then serves another request."""
    wire, answer, first = subscribe(running_master.port)
    with wire:
        call = {"type": "TEARDOWN", "framework_id": first["subscribed"]["framework_id"]}
        headers = {**JSON, "Mesos-Stream-Id": answer.fields["Mesos-Stream-Id"]}
        assert ask(running_master.port, "POST", "/api/v1/scheduler", headers, json.dumps(call).encode()).status == 202
        while wire.record() is not None:
            pass


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\n: empty\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%zz%ff?%zz=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: \xff\xfe\r\n\r\n",
        b"POST /api/v1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1 HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        b"POST /api/v1 HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/v1 HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        b"\r\n{}",
        b"POST /internal/agent HTTP/1.1\r\nContent-Encoding: deflate\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /api/v1/executor HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /health HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"".join(b"X-%d: x\r\n" % i for i in range(10_000)) + b"\r\n",
        b"GET /health HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"POST /api/v1 HTTP/1.1\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n{}",
    ],
)  # fmt: skip
def test_what_is_not_http(running_master: Running, running_agent: Running, garbage: bytes) -> None:
    """It gets an answer that is no 5xx, or is disconnected."""
    for port in (running_master.port, running_agent.port):
        # A master that waits for the rest is right, too.
        with Wire(port, timeout=1.0) as wire, contextlib.suppress(EOFError, ConnectionError, TimeoutError):
            wire.send(garbage)
            assert wire.answer().status < 500
