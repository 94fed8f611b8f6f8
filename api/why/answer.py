"""What is said of all tasks of an application together: one sentence first. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.auto_pools.making.statuses import IN_POOL, NOTHING
from api.why.reason import Serving, serving

Json = dict[str, Any]
_MOST_REASONS = 5
_MOST_URLS = 20


def answer(asked: str, told: Mapping[str, Any], pools: Mapping[str, Json]) -> Json:
    """`told` is what the template process knows; `pools` are those that it names, as the API knows them."""
    tasks = [(task, serving(task, pools)) for task in told["tasks"]]
    urls = dict.fromkeys(url for task, one in tasks if one.serves for url in _urls(task, pools))
    reasons = Counter(one.reason for _, one in tasks if not one.serves)
    return {
        "task": asked,
        "exposed": any(one.serves for _, one in tasks),
        "answer": _sentence(asked, told, [one for _, one in tasks], list(urls)),
        "urls": list(urls)[:_MOST_URLS],
        "total": told["total"],
        "reasons": [{"reason": reason, "tasks": count} for reason, count in reasons.most_common(_MOST_REASONS)],
        "notes": _notes(tasks),
        "near": told["near"],
        "tasks": [
            {
                "id": task["id"],
                "framework": task["framework"],
                "state": task["state"],
                "serves": one.serves,
                "where": list(one.where),
                "reason": one.reason,
                "servers": [
                    {"pool": service["pool"], "backend": service["backend"], "servers": service["servers"]}
                    for service in task["services"] or ()
                ],
            }
            for task, one in tasks
        ],
        "pools": {name: {key: pool[key] for key in ("state", "summary", "instances")} for name, pool in pools.items()},
    }


def _notes(tasks: Sequence[tuple[Mapping[str, Any], Serving]]) -> list[str]:
    """What of the labels of tasks that serve cannot be followed all the same, and what goes to others."""
    found = dict.fromkeys(
        str(status["message"])
        for task, one in tasks
        if one.serves
        for status in task["templates"].values()
        if status is not None and (status["status"] == "RENDER_ERR" or status["message"] not in (IN_POOL, NOTHING))
    )
    return list(found)[:_MOST_REASONS]


def _urls(task: Mapping[str, Any], pools: Mapping[str, Json]) -> list[str]:
    found = [
        url
        for service in task["services"] or ()
        if service["servers"] and service["pool"] in pools
        for url in pools[service["pool"]]["urls"].get(service["backend"], ())
    ]
    return found


def _sentence(asked: str, told: Mapping[str, Any], tasks: Sequence[Serving], urls: Sequence[str]) -> str:
    if not tasks:
        if not told["complete"]:
            return f"no task {asked} is known yet: the template process has not heard of all running tasks"
        near = told["near"]
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"no running task has the id, the name, the Marathon id or the framework {asked}{meant}"
    good = sum(one.serves for one in tasks)
    whole = told["total"]
    at = f", at {urls[0]}{' and others' if len(urls) > 1 else ''}" if urls else ""
    first = next((one.reason for one in tasks if not one.serves), "")
    if good == len(tasks):
        many = (
            "it serves"
            if whole == 1
            else f"all {whole} tasks serve"
            if whole == good
            else f"{good} of {whole} looked at serve"
        )
        return f"{asked} is exposed: {many}{at}"
    if good:
        return f"{asked} is exposed: {good} of {len(tasks)} tasks serve{at}; of the others: {first}"
    return f"{asked} is not exposed: {first}"
