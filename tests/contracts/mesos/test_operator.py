"""The operator client against masters by script, and the recording of a real operator stream."""

import threading
from typing import Any

import pytest

from sdk.errors import NotConnected, Refused, TemporaryFailure, UnexpectedAnswer
from sdk.mesos.auth import Basic, Token
from sdk.mesos.operator import OperatorClient, StreamEnded
from sdk.mesos.stream import Limits, NoAnswer
from tests.contracts.mesos import traces
from tests.contracts.mesos.server import Peer, ScriptedServer, chunk, master, record
from tests.support.wait import wait_until

RECORDED = traces.events("11-operator-api", "operator")


def test_the_recorded_stream_comes_out_as_it_is() -> None:
    """Snapshot first, heartbeats left out, and its end is told."""

    def subscribe(peer: Peer) -> None:
        peer.begin(stream_id=None)
        for event in RECORDED:
            peer.event(event)
        peer.end()

    with ScriptedServer(master(subscribe)) as server:
        client = OperatorClient(server.address)
        seen: list[Any] = []
        with pytest.raises(StreamEnded, match="ended the stream"):
            seen.extend(client.stream())  # extend keeps what came before the end
        assert seen == [event for event in RECORDED if event["type"] != "HEARTBEAT"]
        assert seen[0]["type"] == "SUBSCRIBED"
        assert server.requests[0].path == "/api/v1"
        client.close()


def test_a_silent_stream_is_given_up() -> None:
    """Five heartbeats without a byte."""

    def subscribe(peer: Peer) -> None:
        peer.begin(stream_id=None)
        peer.event({"type": "SUBSCRIBED", "subscribed": {"heartbeat_interval_seconds": 0.02}})
        peer.wait_closed()

    with ScriptedServer(master(subscribe)) as server:
        client = OperatorClient(server.address)
        with pytest.raises(NoAnswer, match="not even a heartbeat"):
            list(client.stream())
        client.close()


def test_closing_ends_a_waiting_stream() -> None:
    """From another thread, as a process does that stops."""
    begun = threading.Event()

    def subscribe(peer: Peer) -> None:
        peer.begin(stream_id=None)
        peer.event({"type": "SUBSCRIBED", "subscribed": {}})
        peer.wait_closed()

    with ScriptedServer(master(subscribe)) as server:
        client = OperatorClient(server.address)
        ended: list[Exception] = []

        def follow() -> None:
            try:
                for _ in client.stream():
                    begun.set()
            except TemporaryFailure as error:
                ended.append(error)

        thread = threading.Thread(target=follow)
        thread.start()
        assert begun.wait(10)
        client.close()
        thread.join(10)
        assert len(ended) == 1


def test_closing_ends_the_wait_for_an_answer() -> None:
    """A master that is stopped (SIGSTOP) accepts the connection and says nothing."""

    def silent(peer: Peer) -> None:
        peer.request()
        peer.wait_closed()

    with ScriptedServer(silent) as server:
        client = OperatorClient(server.address)
        ended: list[Exception] = []

        def follow() -> None:
            try:
                list(client.stream())
            except TemporaryFailure as error:
                ended.append(error)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        server.wait_for("SUBSCRIBE")
        client.close()
        thread.join(10)
        assert len(ended) == 1


def test_streams_and_calls_find_the_leader() -> None:
    """Over redirects and over masters that are away."""

    def subscribe(peer: Peer) -> None:
        peer.begin(stream_id=None)
        peer.event({"type": "SUBSCRIBED", "subscribed": {}})
        peer.wait_closed()

    with ScriptedServer(master(subscribe, status="200 OK")) as leader:

        def standby_script(peer: Peer) -> None:
            while peer.request() is not None:
                peer.answer("307 Temporary Redirect", Location=f"//{leader.address}/master/api/v1")

        with ScriptedServer(standby_script) as standby:
            client = OperatorClient(f"127.0.0.1:1,{standby.address}")
            assert next(iter(client.stream()))["type"] == "SUBSCRIBED"
            assert client.call("GET_HEALTH") == {}
            assert leader.kinds() == ["SUBSCRIBE", "GET_HEALTH"]
            client.close()


def test_masters_without_leader_are_a_temporary_failure() -> None:
    """503 from all of them, or redirects in a circle, or nobody there."""

    def busy(peer: Peer) -> None:
        while peer.request() is not None:
            peer.answer("503 Service Unavailable", b"No leader elected")

    def selfish(peer: Peer) -> None:
        while peer.request() is not None:
            peer.answer("307 Temporary Redirect", Location="//{}:{}/master".format(*peer.connection.getsockname()))

    with ScriptedServer(busy) as server:
        client = OperatorClient(server.address)
        with pytest.raises(UnexpectedAnswer, match="No leader elected"):
            client.call("GET_STATE")
        with pytest.raises(UnexpectedAnswer, match="No leader elected"):
            next(iter(client.stream()))
        client.close()
    with ScriptedServer(selfish) as server:
        client = OperatorClient(server.address)
        with pytest.raises(UnexpectedAnswer, match="knows no leader yet"):
            client.call("GET_STATE")
        with pytest.raises(TemporaryFailure, match="is not the leader"):
            next(iter(client.stream()))
        assert server.connections < 20
        client.close()
    client = OperatorClient("127.0.0.1:1", limits=Limits(connect=1.0))
    with pytest.raises(NotConnected, match=r"127\.0\.0\.1:1"):
        client.call("GET_STATE")
    client.close()


def test_calls_have_their_body_below_their_name() -> None:
    """And their answer is JSON."""

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.method == "GET":
                peer.answer("200 OK", b'{"slaves":[]}')
            else:
                peer.answer("200 OK", b'{"type":"GET_AGENTS","get_agents":{}}')

    with ScriptedServer(script) as server:
        client = OperatorClient(server.address)
        assert client.call("GET_AGENTS") == {"type": "GET_AGENTS", "get_agents": {}}
        client.call("MARK_AGENT_GONE", {"agent_id": {"value": "S0"}})
        assert client.get("/slaves") == {"slaves": []}
        assert server.requests[1].body == {
            "type": "MARK_AGENT_GONE",
            "mark_agent_gone": {"agent_id": {"value": "S0"}},
        }
        assert (server.requests[2].method, server.requests[2].path) == ("GET", "/slaves")
        assert "content-type" not in server.requests[2].headers
        assert server.connections == 1
        client.close()


def test_credentials_are_shown_and_renewed() -> None:
    """Basic as recorded; a token is renewed after a 401; wrong ones are refused with Mesos' text."""
    tokens = iter(["old", "new"])

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.headers["authorization"] in ("token=new", "Basic b3BzOm9wc3NlY3JldA=="):
                if request.kind == "SUBSCRIBE":
                    peer.begin(stream_id=None)
                    peer.send(chunk(record({"type": "SUBSCRIBED", "subscribed": {}})))
                    peer.wait_closed()
                    return
                peer.answer("200 OK", b"{}")
            else:
                peer.answer("401 Unauthorized", b"401 Unauthorized.")

    with ScriptedServer(script) as server:
        for credentials in (Token(lambda: next(tokens), "token="), Basic("ops", "opssecret")):
            client = OperatorClient(server.address, credentials=credentials)
            assert next(iter(client.stream()))["type"] == "SUBSCRIBED"
            assert client.call("GET_HEALTH") == {}
            client.close()
        client = OperatorClient(server.address, credentials=Basic("ops", "wrong"))
        with pytest.raises(Refused, match="401 Unauthorized"):
            client.call("GET_HEALTH")
        with pytest.raises(Refused, match="401"):
            next(iter(client.stream()))
        client.close()


def test_a_call_that_must_not_be_repeated_is_sent_once() -> None:
    """When the connection breaks nobody knows whether it arrived."""

    def script(peer: Peer) -> None:
        peer.request()

    with ScriptedServer(script) as server:
        client = OperatorClient(server.address)
        with pytest.raises(NoAnswer, match="may or may not"):
            client.call("RESERVE_RESOURCES", {}, idempotent=False)
        wait_until(lambda: server.kinds() == ["RESERVE_RESOURCES"], what="the call")
        with pytest.raises(NoAnswer):
            client.call("GET_STATE")
        wait_until(lambda: server.kinds().count("GET_STATE") == 2, what="the repeated call")
        client.close()
