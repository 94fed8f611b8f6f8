"""HAProxy's list of servers against the configuration."""

from pool_executor.lbmgr.content import Content, PartText, ServerRef
from pool_executor.lbmgr.drift import RunningServer, differences, parse_state

HEADER = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
    " srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state"
    " bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr"
    " srv_agent_addr srv_agent_port\n"
)
#: As HAProxy 2.6.12 prints it.
LISTED = HEADER + (
    "3 _lbmgr 1 serving 127.0.0.1 2 0 1 1 10 1 0 2 0 0 0 0 - 1 - 0 0 - - 0\n"
    "4 app 11 a 10.0.0.1 2 0 1 1 10 1 0 2 0 0 0 1 - 8080 - 0 0 - - 0\n"
    "4 app 12 b 10.0.0.2 0 1 1 1 10 1 0 2 0 0 0 1 - 8080 - 0 0 - - 0\n"
)


def content(*servers: str) -> Content:
    """One backend with these server lines."""
    text = "backend app\n    balance roundrobin\n" + "".join(f"    server {line}\n" for line in servers)
    part = PartText.of("30-backends-0a.cfg", "config", text)
    return Content(parts={part.part.name: part})


def test_the_list_is_read_by_its_header() -> None:
    """Address, port and whether an order took it out; garbage is left out."""
    found = parse_state(LISTED + "5 short\n4 app 13 c 10.0.0.3 2 x 1 1 10 1 0 2 0 0 0 1 - 8080 - 0 0 - - 0\n")
    assert found == {
        ServerRef("_lbmgr", "serving"): RunningServer(address="127.0.0.1", port=1, maintenance=False),
        ServerRef("app", "a"): RunningServer(address="10.0.0.1", port=8080, maintenance=False),
        ServerRef("app", "b"): RunningServer(address="10.0.0.2", port=8080, maintenance=True),
    }
    assert parse_state("Unknown command") == {}


def test_what_is_as_ordered_differs_in_nothing() -> None:
    """Servers of our own, those that wait for their deletion and those that are disabled by order are no difference."""
    wanted = content("a 10.0.0.1:8080 id 11", "b 10.0.0.2:8080 id 12 disabled")
    assert differences(wanted, parse_state(LISTED), ()) == ""
    assert differences(content("a 10.0.0.1:8080 id 11"), parse_state(LISTED), {ServerRef("app", "b")}) == ""


def test_every_kind_of_difference_is_told() -> None:
    """Missing, not wanted, elsewhere, taken out."""
    running = parse_state(LISTED)
    assert differences(content("a 10.0.0.1:8080 id 11"), running, ()) == "app/b is not wanted"
    wanted = content("a 10.0.0.9:8080 id 11", "b 10.0.0.2:8080 id 12", "c 10.0.0.3:80 id 13")
    assert differences(wanted, running, ()) == (
        "app/c is missing; app/a is at 10.0.0.1:8080 instead of 10.0.0.9:8080; app/b is in maintenance"
    )


def test_one_address_has_many_forms_and_a_name_none() -> None:
    """IPv6 is compared by value; what a name resolves to is HAProxy's business."""
    running = {
        ServerRef("app", "a"): RunningServer(address="fd00::1", port=80, maintenance=False),
        ServerRef("app", "n"): RunningServer(address="-", port=80, maintenance=False),
    }
    assert differences(content("a [fd00:0::01]:80 id 1", "n host.example:80 id 2"), running, ()) == ""
