"""`/internal/faults` of a master and what stands below it: faults on demand, what they can be aimed at, a lost session.

No part of Mesos' API, and never slow themselves: they are served while the master is silent, or does not lead. Knows
who may ask; carrying out what changed is the master's.
"""

import asyncio
import os
from collections.abc import Callable, Mapping

from aiohttp import web

from sdk.local.core.authentication import principal, realm
from sdk.local.core.http import only
from sdk.local.core.model import State
from sdk.local.core.wire import Json
from sdk.local.election import Election
from sdk.local.fault_endpoint import PATH, fault_endpoint
from sdk.local.fault_values import MasterFaults
from sdk.local.web import Handler, answer, received, text


class FaultEndpoints:
    """Of one master. `changed` is told which faults were set, `about` tells of the master, `election` is its part in
    one, if it takes part.
    """

    def __init__(
        self,
        faults: MasterFaults,
        changed: Callable[[frozenset[str]], object],
        about: Callable[[], Json],
        election: Callable[[], Election | None],
        credentials: Mapping[str, str] | None,
    ) -> None:
        self._faults = faults
        self._changed = changed
        self._tell = about
        self._election = election
        self._credentials = credentials

    def handlers(self) -> dict[str, Handler]:
        """All of them by path."""
        return {
            PATH: self._known(self._change),
            f"{PATH}/about": self._known(self._about),
            f"{PATH}/expire-session": self._known(self._expire_session),
        }

    def _known(self, handler: Handler) -> Handler:
        """The handler behind the check of credentials alone: a master that does not lead has faults as well."""

        async def checked(request: web.Request) -> web.StreamResponse:
            principal(await received(request), realm(PATH), self._credentials)
            return await handler(request)

        return checked

    async def _change(self, request: web.Request) -> web.StreamResponse:
        return await fault_endpoint(request, self._faults, self._changed)

    async def _about(self, request: web.Request) -> web.StreamResponse:
        """Who leads, the agents of the leader, and after how many seconds of silence an agent is unreachable."""
        return await answer(request, {"pid": os.getpid()} | self._tell())

    async def _expire_session(self, request: web.Request) -> web.StreamResponse:
        only(request.method, "POST")
        election = self._election()
        if election is None:
            return text(409, "This master has no ZooKeeper session: it was started without --zk")
        try:
            return await answer(request, await asyncio.to_thread(election.expire))
        except OSError as error:
            return text(503, str(error))


def known_agents(state: State) -> list[Json]:
    """Name, id and address of all agents that can be marked gone; those that are registered come last."""
    unreachable = (item["info"] for item in state.unreachable_agents.values())
    away = [(info, False) for info in (*state.recovered_agents.values(), *unreachable)]
    return [
        {
            "name": info["hostname"],
            "id": info["id"]["value"],
            "address": f"{info.get('ip', info['hostname'])}:{info['port']}",
            "registered": registered,
        }
        for info, registered in [*away, *((agent.info, True) for agent in state.agents.values())]
    ]
