"""The page of the embedded Mesos in a whole system: where its links lead."""

import pytest

from tests.e2e.conftest import System
from tests.support.http import request

pytestmark = pytest.mark.e2e


def test_the_names_of_frameworks_link_to_what_answers(system: System) -> None:
    """Each scheduler's root says who it is and what there is, to whoever comes by a link."""
    frameworks = system.stack.get(f"{system.stack.mesos}/state")["frameworks"]
    assert {one["name"] for one in frameworks} == {"edgelb", "webapp"}
    for framework in frameworks:
        answer = request("GET", framework["webui_url"], retries=3)
        assert answer.status == 200, f"{framework['webui_url']}: {answer.data.decode()}"
        assert framework["name"] in answer.data.decode()
