"""The endpoints of an agent that only show something: the operator API, the classic pages, files of sandboxes.

Knows which path shows what; what it looks like is of `agent_api`, `agent_views`, `agent_metrics` and `files`.
"""

import argparse
from collections.abc import Callable

from aiohttp import web

from sdk.local.agent_api import AgentApi
from sdk.local.agent_flags import shown_flags
from sdk.local.agent_metrics import Counts, metrics
from sdk.local.agent_views import agent_state, attached, container_list, statistics
from sdk.local.core import classic
from sdk.local.core.agent_model import AgentState
from sdk.local.core.http import only
from sdk.local.files import Files
from sdk.local.machine import machine
from sdk.local.web import Handler, answer, json_body, text


class AgentEndpoints:
    """Of one agent. `master_hostname` tells where its master is, empty when none was ever found."""

    def __init__(
        self,
        options: argparse.Namespace,
        state: AgentState,
        counts: Counts,
        now: Callable[[], float],
        master_hostname: Callable[[], str],
    ) -> None:
        self._options = options
        self._state = state
        self._counts = counts
        self._now = now
        self._master_hostname = master_hostname
        self._flags = shown_flags(options, state.config.max_completed)
        self._files = Files(lambda: attached(state, options.work_dir))
        self._api = AgentApi(state, options.work_dir, self._files, self._metrics, self._flags)

    def handlers(self) -> dict[str, Handler]:
        """All of them by path."""
        state, now = self._state, self._now
        return {
            "/api/v1": self._operator,
            "/containers": _shows(lambda: container_list(state, now())),
            "/flags": _shows(lambda: {"flags": self._flags}),
            "/health": _empty,
            "/version": _shows(lambda: classic.BUILD),
            "/state": _shows(lambda: agent_state(state, self._options.work_dir, self._flags, self._master_hostname())),
            "/monitor/statistics": _shows(lambda: statistics(state, now())),
            "/metrics/snapshot": _shows(self._metrics),
            **self._files.endpoints(),
        }

    async def _operator(self, request: web.Request) -> web.StreamResponse:
        only(request.method, "POST")
        result = self._api.call(await json_body(request), self._now())
        return text(result.status, result.text) if result.body is None else await answer(request, result.body)

    def _metrics(self) -> dict[str, float]:
        cache, size = self._options.work_dir / "fetch", self._options.fetcher_cache_size
        return metrics(self._state, self._now(), self._counts, cache=cache, cache_size=size, computer=machine())


def _shows(make: Callable[[], object]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await answer(request, make())

    return handler


async def _empty(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=200)
