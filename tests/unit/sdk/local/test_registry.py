"""The registry's file: what a master wrote is taken, anything else is refused with its place, and no two share it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local import master_process, registry
from sdk.local.clock import SteadyClock
from sdk.local.core import Master, MasterConfig, Persist
from sdk.local.core.kept import check
from sdk.local.core.wire import BadMessage
from sdk.local.flags import attributes
from sdk.local.master import MasterServer
from sdk.local.registry import RegistryError
from tests.unit.sdk.local.agent_words import ANYTHING, changed, places
from tests.unit.sdk.local.model import World


def written() -> dict[str, Any]:
    """A registry with something in every part."""
    world = World()
    lost = world.agent("a1")
    world.at(100.0)
    agents = [world.agent("a2"), lost, world.agent("a3"), world.agent("a4")]
    drain = {"agent_id": {"value": agents[2]}, "max_grace_period": {"seconds": 5}}
    world.operator("DRAIN_AGENT", drain)
    world.operator("DEACTIVATE_AGENT", {"agent_id": {"value": agents[1]}})
    world.operator("MARK_AGENT_GONE", {"agent_id": {"value": agents[3]}})
    world.operator("UPDATE_WEIGHTS", {"weight_infos": [{"role": "r", "weight": 2.0}]})
    config = {"role": "r", "guarantees": {"cpus": {"value": 1.0}}, "limits": {"cpus": {"value": 2.0}}}
    world.operator("UPDATE_QUOTA", {"quota_configs": [config], "force": True})
    machine = {"hostname": "away", "ip": "10.0.0.1"}
    window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 1}}}
    world.operator("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": [window]}})
    world.operator("START_MAINTENANCE", {"machines": [machine]})
    world.subscribe("s", "r")
    world.call("s", "TEARDOWN")
    found: dict[str, Any] = json.loads(json.dumps(world.master.registry()))
    assert all(found.values())
    return found


WRITTEN = written()


def test_what_a_master_wrote_is_taken() -> None:
    """Every part comes back as it was."""
    assert check(WRITTEN) == WRITTEN
    assert Master(MasterConfig(master_id="N"), now=0.0, registry=WRITTEN).registry() == WRITTEN


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_one_broken_field(data: st.DataObject) -> None:
    """With anything in one place a registry is refused, or harmless to the master and all that it shows."""
    broken = changed(WRITTEN, data.draw(st.sampled_from(places(WRITTEN))), data.draw(ANYTHING))
    try:
        content = check(broken)
    except BadMessage:
        return
    found = Master(MasterConfig(master_id="N"), now=0.0, registry=content)
    info = {"user": "root", "name": "f", "role": "r"}
    found.call({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}, stream=None, now=0.0, new_stream="s")
    found.tick(now=1000.0)
    for kind in ("GET_STATE", "GET_AGENTS", "GET_QUOTA", "GET_WEIGHTS", "GET_MAINTENANCE_STATUS"):
        assert found.operator_call({"type": kind}, now=1000.0).status == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Expecting value"),
        (json.dumps(WRITTEN).encode()[:-20], "damaged"),
        (b"\xff", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[]", "it is no JSON object"),
        (b'{"agents": {"M-S0": {"port": 1}}}', "agents.M-S0.hostname is missing"),
        (b'{"weights": {"r": "2"}}', "weights.r must be a number"),
    ],
    ids=["empty", "cut", "binary", "deep", "list", "agent", "weight"],
)
def test_a_damaged_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    """The master does not start over it, as if the cluster were new: it says which file, why and what to do."""
    (tmp_path / "registry.json").write_bytes(content)
    assert master_process.main(["--work-dir", str(tmp_path), "--port", "1"]) == 1
    said = capsys.readouterr().err
    assert f"master: the registry {tmp_path}/registry.json is damaged: " in said
    assert words in said
    assert "move it away" in said
    assert said.count("\n") == 1


def test_a_missing_file_is_a_new_cluster(tmp_path: Path) -> None:
    """There is none before the first agent."""
    assert registry.read(tmp_path / "registry.json") == (b"", None)


def test_a_file_that_cannot_be_replaced(tmp_path: Path) -> None:
    """The text names it, and nothing half written stays."""
    (tmp_path / "registry.json").mkdir()
    with pytest.raises(RegistryError, match=r"cannot keep the registry .*registry.json: Is a directory"):
        registry.keep(tmp_path / "registry.json", b"{}")
    assert [item.name for item in tmp_path.iterdir()] == ["registry.json"]


def test_a_directory_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text names the option."""
    (tmp_path / "file").touch()
    assert master_process.main(["--work-dir", str(tmp_path / "file" / "m"), "--port", "1"]) == 1
    assert capsys.readouterr().err == f"master: --work-dir {tmp_path}/file/m: Not a directory\n"


def test_two_masters_do_not_share_a_registry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second says what to do; masters that elect a leader share it."""
    path = tmp_path / "registry.json"
    with registry.locked(path, together=False):
        assert master_process.main(["--work-dir", str(tmp_path), "--port", "1"]) == 1
        assert f"master: another master uses the registry {path}: " in capsys.readouterr().err
    with registry.locked(path, together=True), registry.locked(path, together=True):
        assert master_process.main(["--work-dir", str(tmp_path), "--port", "1"]) == 1


def test_a_master_that_follows_changes_nothing(tmp_path: Path) -> None:
    """What was due when it lost the lead is no longer its business: the registry is the new leader's."""
    path = tmp_path / "registry.json"
    world = World()
    world.agent("a1")
    path.write_text(json.dumps(world.master.registry()))
    before = path.read_bytes()
    config = MasterConfig(master_id="N", heartbeat_interval=0.02, agent_reregister_timeout=0.01)

    async def lose_the_lead() -> None:
        server = MasterServer(config, tmp_path, SteadyClock(), elected=False)
        server.lead()
        server.master.state.recovered_agents.clear()
        server.master.state.recover_until = None
        info = {"user": "root", "name": "f"}
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        assert server.scheduler_call(call, stream=None, new_stream="s").status == 200
        server.follow("another:5050")
        later = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, later.set)
        await later.wait()
        await server.stop()

    asyncio.run(lose_the_lead())
    assert path.read_bytes() == before


def test_a_master_whose_registry_is_damaged_does_not_lead(tmp_path: Path) -> None:
    """Elected, it ends instead: the next one may have a better file system."""
    (tmp_path / "registry.json").write_text("{}")

    async def lead() -> MasterServer:
        server = MasterServer(MasterConfig(master_id="N"), tmp_path, SteadyClock(), elected=False)
        ended = asyncio.Event()
        server.on_failure = ended.set
        (tmp_path / "registry.json").write_text("{")
        server.lead()
        assert ended.is_set()
        await server.stop()
        return server

    failure = asyncio.run(lead()).failure
    assert failure is not None
    assert "is damaged" in failure


def test_what_an_agent_newly_says_of_itself_is_kept() -> None:
    """A new process of an agent may have other attributes; the registry has them once, not at every registration."""
    world = World()
    agent_id = world.agent("a1", port=5051)
    info = dict(world.master.state.agents[agent_id].info)
    kept = []
    for text in ("rack:r1", "rack:r1", "rack:r2"):
        message = {"type": "REREGISTER", "agent_info": info | {"attributes": attributes(text)}}
        outputs = world.master.agent_message(f"c{len(kept)}", message, now=1.0)
        kept.append([item.registry["agents"][agent_id]["attributes"] for item in outputs if isinstance(item, Persist)])
    assert kept == [[attributes("rack:r1")], [], [attributes("rack:r2")]]
