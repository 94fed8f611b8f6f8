"""The lines of servers that are kept are those that would be made."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pool_executor.contract import BackendFacts, Server, server_line
from pool_executor.lbmgr.servers.lines import Lines
from tests.unit.pool_executor.lbmgr.parts import server

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["app", "other"]),
        st.sampled_from(["", "check", "check inter 1s"]),
        st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), max_size=3),
    ),
    max_size=12,
)


def plain(facts: BackendFacts, servers: Mapping[str, Server]) -> list[str]:
    return [server_line(servers[name], facts.options) for name in sorted(servers)]


@given(STEPS, st.booleans())
def test_lines_are_those_of_the_servers_as_they_are(
    steps: list[tuple[str, str, dict[str, int]]], forgetful: bool
) -> None:
    """Whatever of servers and options changed since the last time, or nothing."""
    lines = Lines()
    for backend, options, ports in steps:
        facts = BackendFacts(backend=backend, options={"": options})
        servers = {name: server(name, port) for name, port in ports.items()}
        assert "\n".join(lines.of(facts, servers)) == "\n".join(plain(facts, servers))
        assert "\n".join(lines.of(facts, dict(servers))) == "\n".join(plain(facts, servers))
        if forgetful:
            lines.keep({"app"})


def test_a_backend_without_servers_has_no_lines() -> None:
    """Not even an empty one."""
    assert list(Lines().of(BackendFacts(backend="app"), {})) == []
