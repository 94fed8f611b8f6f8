"""Containers of the embedded agent on networks, with addresses of this machine."""

import json
from typing import Any

import pytest

from tests.integration.sdk_local.agent_process import AgentProcess, Master
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

FLAGS = ("--networks", json.dumps({"dcos": ["127.9.0.2", "127.9.0.3"], "other": ["127.9.1.2"]}))


def joining(*names: str, **fields: Any) -> dict[str, Any]:
    """A ContainerInfo."""
    return {"type": "MESOS", "network_infos": [{"name": name, **fields} for name in names]}


def infos(status: dict[str, Any]) -> list[tuple[str, str]]:
    """Network and address of each."""
    told = status["container_status"]["network_infos"]
    return [(one.get("name", ""), one["ip_addresses"][0]["ip_address"]) for one in told]


def test_each_container_has_an_address_of_its_own_and_is_told_it(master: Master, agent: AgentProcess) -> None:
    """In its environment, and in the statuses with the names and labels of the networks; others have the agent's."""
    agent.start(*FLAGS)
    labels = {"labels": [{"key": "a", "value": "b"}]}
    master.run("t1", "echo $LIBPROCESS_IP > ip; exec sleep 1000", container=joining("dcos", "other", labels=labels))
    first = master.wait_for("t1", "TASK_RUNNING")
    assert infos(first) == [("dcos", "127.9.0.2"), ("other", "127.9.1.2")]
    assert first["container_status"]["network_infos"][0]["labels"] == labels
    file = agent.sandbox("t1") / "ip"
    wait_until(lambda: file.exists() and file.read_text() == "127.9.0.2\n", 10, "the address in the environment")
    master.run("t2", "exec sleep 1000", container=joining("dcos"))
    assert infos(master.wait_for("t2", "TASK_RUNNING")) == [("dcos", "127.9.0.3")]
    master.run("t3", "exec sleep 1000")
    assert infos(master.wait_for("t3", "TASK_RUNNING")) == [("", "127.0.0.1")]


def test_addresses_in_use_are_known_after_a_restart_and_free_after_the_end(master: Master, agent: AgentProcess) -> None:
    """Who joins a network of which none is left, or that is not there, is refused with a sentence."""
    agent.start(*FLAGS)
    master.run("t1", "exec sleep 1000", container=joining("other"))
    master.wait_for("t1", "TASK_RUNNING")
    agent.kill()
    agent.start(*FLAGS)
    master.run("t2", "true", container=joining("other"))
    refused = master.wait_for("t2", "TASK_FAILED")
    assert refused["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert refused["message"].endswith("All 1 addresses that this agent has of CNI network 'other' are in use")
    master.say({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": "t1"}})
    master.wait_for("t1", "TASK_KILLED")
    wait_until(lambda: not agent.checkpoints("executor"), 10, "the end of its executor")
    master.run("t3", "exec sleep 1000", container=joining("other"))
    assert infos(master.wait_for("t3", "TASK_RUNNING")) == [("other", "127.9.1.2")]
    master.run("t4", "true", container=joining("nowhere"))
    assert master.wait_for("t4", "TASK_FAILED")["message"].endswith("Unknown CNI network 'nowhere'")
