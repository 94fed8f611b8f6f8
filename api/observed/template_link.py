"""Questions to the template process in charge, over its health port.

Knows where it answers, and what is said when it does not. Does not know the questions.
"""

import json
from typing import TypeVar
from urllib.parse import urlencode

import urllib3

from api.web.problems import ApiProblem
from sdk.storage.connection import ZooKeeper
from sdk.storage.holder import parse_holder

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
_LARGEST = 64 * 1024 * 1024

T = TypeVar("T")


def ask_template(
    zookeeper: ZooKeeper,
    root: str,
    path: str,
    key: str,
    kind: type[T],
    timeout: urllib3.Timeout = _TIMEOUT,
    /,
    **query: str,
) -> T:
    """What stands under `key` in its answer, a value of this kind.

    ApiProblem 503 when no template is in charge or it does not answer, 502 when the answer is of another kind.
    """
    holder_path = f"{root}/locks/template/holder"
    found = zookeeper.get(holder_path)
    holder = parse_holder(holder_path, found[0]) if found else None
    if holder is None or not holder.url:
        raise ApiProblem(
            503,
            "no template process is in charge: check that edgelb run template (or edgelb serve) is running",
            headers={"Retry-After": "2"},
        )
    url = f"{holder.url}{path}?{urlencode(query)}"
    try:
        answer = urllib3.request("GET", url, timeout=timeout, retries=False, preload_content=False)
        data = answer.read(_LARGEST)
        answer.release_conn()
        told = json.loads(data)[key] if answer.status == 200 else None
    except urllib3.exceptions.HTTPError as error:
        reach = "the API reaches it only on the same machine, or when EDGELB_TEMPLATE_HEALTH_LISTEN says so"
        raise ApiProblem(503, f"the template process at {holder.url} does not answer; {reach}") from error
    except (ValueError, KeyError, TypeError):
        told = None
    if not isinstance(told, kind):
        raise ApiProblem(502, f"{holder.url} does not answer like a template process of this release")
    return told
