"""Which services are asked about, and how the question travels."""

import json
from dataclasses import replace

import pytest

from api.prospects.question import MOST_SERVICES, Question, new_services, read_question, written_question
from scheduler.pools.model import Endpoint, Pool
from sdk.errors import CorruptRecord
from tests.unit.api.dcos_template.pools import address, backend, pool, service


def paths(wanted: Pool, before: Pool | None = None) -> list[str]:
    return [one.path for one in new_services(wanted, before)]


FIRST, SECOND = "pool.haproxy.backends[0].services[0]", "pool.haproxy.backends[0].services[1]"


def test_only_services_that_the_backend_did_not_have_are_asked_about() -> None:
    """Who changes a count or a weight wants no search through the cluster."""
    old = pool("web", backend("app", service(task_name="a")))
    assert paths(old) == [FIRST]
    assert paths(old, old) == []
    assert paths(pool("web", backend("app", service(Endpoint(weight=3), task_name="a"))), old) == []
    assert paths(pool("web", backend("app", service(Endpoint(port=8080), task_name="a"))), old) == [FIRST]
    assert paths(pool("web", backend("app", service(task_name="a"), service(task_name="b"))), old) == [SECOND]
    assert paths(pool("web", backend("app", service(task_name="b"), service(task_name="a"))), old) == [FIRST]
    assert paths(pool("web", backend("other", service(task_name="a"))), old) == [FIRST]


def test_a_fixed_address_needs_no_task() -> None:
    """Nobody is asked about it."""
    assert paths(pool("web", backend("app", address("192.0.2.1", 80)))) == []


def test_a_question_is_bounded_in_number_and_length() -> None:
    """However large a pool is, what is asked of the template process is not."""
    many = pool("web", backend("app", *(service(task_name=f"t{number}") for number in range(2 * MOST_SERVICES))))
    assert paths(many) == [f"pool.haproxy.backends[0].services[{number}]" for number in range(MOST_SERVICES)]
    long = pool("web", backend("app", *(service(task_name=f"{number}" * 9000) for number in range(9))))
    assert len(paths(long)) == 6


def test_a_question_arrives_as_it_was_sent() -> None:
    """With all that decides, and nothing else."""
    wanted = service(Endpoint(port_name="http"), task_name_pattern="^ä", framework_name="f")
    [placed] = new_services(pool("web", backend("app", wanted)), None)
    assert read_question(written_question("web", [placed.service])) == Question("web", (wanted,))
    weighed = replace(wanted, endpoint=replace(wanted.endpoint, weight=7, misc_str="weight 7"))
    assert new_services(pool("web", backend("app", weighed)), None) == [placed]


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", '{"pool": "web"}', '{"pool": 1, "services": []}', '{"pool": "web", "services": 1}'),
        *('{"pool": "web", "services": [1]}', '{"pool": "web", "services": [{"mesos": {"taskName": 1}}]}'),
        json.dumps({"pool": "web", "services": [{}] * (MOST_SERVICES + 1)}),
        '{"pool": "web", "services": ' + "[" * 20_000,
    ],
)
def test_what_is_no_question_is_refused(text: str) -> None:
    """It came over the network."""
    with pytest.raises(CorruptRecord):
        read_question(text)
