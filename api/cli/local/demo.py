"""The sample pool of a local stack: created once, and proven to balance before anybody is told so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.cli.local.stack import EXAMPLES, Stack
from sdk.errors import EnvironmentProblem

TRAFFIC_TIMEOUT = 90.0
"""Seconds until the pool must serve; a warm start takes well under twenty."""
_RESUMED_TIMEOUT = 30.0
"""The same for a pool of an earlier run, which may have been changed into one that serves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Where the sample pool serves, and one answer of each application instance; `problem` says why not all of it.

    `deleted`: somebody deleted the pool after an earlier run had made it.
    """

    pool: str
    created: bool = False
    deleted: bool = False
    frontends: Mapping[str, list[str]] = field(default_factory=dict)
    stats: Sequence[str] = ()
    answers: Sequence[str] = ()
    problem: str | None = None

    @property
    def urls(self) -> list[str]:
        """Of all frontends, one per instance."""
        return [url for urls in self.frontends.values() for url in urls]


def show_traffic(stack: Stack, made: Path) -> Demo:
    """Wait until all of the pool serves all of the sample application. The file `made` notes that it was created.

    EnvironmentProblem when a new pool does not; one that was there before may be in any state, and is shown as it is.
    """
    stack.await_true(lambda: stack.fetch(f"{stack.api}/ping")[1].strip() == "pong", 30, "the API server")
    wanted = json.loads((EXAMPLES / "pools" / "web.json").read_text())
    name = wanted["name"]
    known = _pools(stack)
    if name not in known and made.exists():
        return Demo(pool=name, deleted=True)
    if name not in known:

        def created() -> bool:
            # An answer may be lost after the pool was stored.
            if name not in _pools(stack):
                stack.call("POST", f"{stack.api}/v2/pools", wanted)
            return True

        stack.await_true(created, 30, f"the pool {name}")
        made.touch()
        frontends, stats = await_endpoints(stack, name, wanted["count"])
        answers = await_traffic(stack, frontends["web"][0], stack.options.application_count)
        return Demo(pool=name, created=True, frontends=frontends, stats=stats, answers=answers)
    frontends, stats, answers = {}, [], []
    try:
        frontends, stats = await_endpoints(stack, name, known[name].get("count", 1), _RESUMED_TIMEOUT)
        url = next((url for urls in frontends.values() for url in urls), None)
        if url is not None:
            answers = await_traffic(stack, url, _application_count(stack), _RESUMED_TIMEOUT)
    except EnvironmentProblem as error:
        return Demo(pool=name, frontends=frontends, stats=stats, problem=str(error))
    return Demo(pool=name, frontends=frontends, stats=stats, answers=answers)


def _pools(stack: Stack) -> dict[str, dict[str, Any]]:
    """All pools by name, as soon as they can be read: a busy machine loses its session with ZooKeeper for a moment."""
    pools: dict[str, dict[str, Any]] = {}

    def told() -> bool:
        pools.update((one["name"], one) for one in stack.get(f"{stack.api}/v2/pools"))
        return True

    stack.await_true(told, 30, "the pools")
    return pools


def _application_count(stack: Stack) -> int:
    counts: list[int] = []

    def told() -> bool:
        counts.append(stack.get(f"{stack.application}/v1/count")["count"])
        return True

    stack.await_true(told, _RESUMED_TIMEOUT, "the sample application's framework")
    return counts[-1]


def await_endpoints(
    stack: Stack, pool: str, count: int, timeout: float = TRAFFIC_TIMEOUT
) -> tuple[dict[str, list[str]], list[str]]:
    """Wait until `count` instances of a pool are in its metadata; the pool's URLs."""

    def there() -> bool:
        frontends, stats = stack.endpoints(pool)
        return len(stats) == count and all(len(urls) == count for urls in frontends.values())

    stack.await_true(there, timeout, f"pool {pool} with {count} instances")
    return stack.endpoints(pool)


def await_traffic(stack: Stack, url: str, instances: int, timeout: float = TRAFFIC_TIMEOUT) -> list[str]:
    """Wait until `instances` different application instances have answered 200 through `url`; one answer of each."""
    answers: set[str] = set()

    def served() -> bool:
        status, text = stack.fetch(url)
        if status == 200:
            answers.add(text)
        return len(answers) >= instances

    stack.await_true(served, timeout, f"an answer of {instances} application instances through {url}")
    return sorted(answers)
