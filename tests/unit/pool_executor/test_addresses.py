"""The addresses at which a container is reached."""

from pathlib import Path

import pytest

from pool_executor.addresses import interfaces, own_addresses

ELSEWHERE = "192.0.2.1"
"""Of a network for documentation: nobody has it."""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LIBPROCESS_IP": "127.0.0.2", "MESOS_AGENT_ENDPOINT": "127.0.0.3:5051"}, ("127.0.0.2",)),
        ({"LIBPROCESS_IP": "0.0.0.0", "MESOS_AGENT_ENDPOINT": "127.0.0.3:5051"}, ("127.0.0.3",)),
        ({"LIBPROCESS_IP": ELSEWHERE, "MESOS_AGENT_ENDPOINT": "127.0.0.3:5051"}, ("127.0.0.3",)),
        ({"MESOS_AGENT_ENDPOINT": "127.0.0.3:5051"}, ("127.0.0.3",)),
        ({"MESOS_AGENT_ENDPOINT": "agent1.mesos.test:5051"}, ()),
        ({}, ()),
    ],
)
def test_what_mesos_names_is_taken_where_it_is_ours(environment: dict[str, str], expected: tuple[str, ...]) -> None:
    """A host name is the agent's own, which the status has anyway."""
    assert own_addresses(environment) == expected


def test_on_a_network_of_containers_the_interfaces_tell() -> None:
    """What Mesos names is the agent, which is somewhere else."""
    told = {"LIBPROCESS_IP": "0.0.0.0", "MESOS_AGENT_ENDPOINT": f"{ELSEWHERE}:5051"}
    assert own_addresses(told) == tuple(interfaces())
    assert not any(address.startswith("127.") or address == "::1" for address in own_addresses(told))


def test_addresses_of_one_link_are_nobodys_way_in(tmp_path: Path) -> None:
    """The interfaces have such, and this machine's own, beside those that others reach."""
    (tmp_path / "if_inet6").write_text(
        "fe80000000000000b8e9f8fffedc3621 05 40 20 80     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000005 05 40 00 80     eth0\n"
    )
    assert [address for address in interfaces(tmp_path) if ":" in address] == ["fd00::5"]
    assert [address for address in interfaces(tmp_path / "none") if ":" in address] == []
