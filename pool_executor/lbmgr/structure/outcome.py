"""What became of a structure, and what is served. Values only."""

from dataclasses import dataclass
from typing import Literal

from pool_executor.contract import Structure, Verdict
from pool_executor.lbmgr.structure.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a structure. `retry`: the cause lies outside of it and may pass."""

    verdict: Verdict
    action: Literal["noop", "dynamic", "reload", "reject"] | None
    reason: str
    error: str | None = None
    retry: bool = False
    reload_failed: bool = False
    """HAProxy accepted it when it checked it, and did not start with it beside the one that serves."""
    unbound: bool = False
    """HAProxy could not listen for listeners of which it is known, so that it can be tried without them."""
    unasked: bool = False
    """HAProxy did not load files about which it was not asked: what it has against them it will say when it is."""
    blames_servers: bool = False
    """What it said then is about servers, which may be others when it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What HAProxy serves, or shall serve again after it died."""

    head: Structure
    content: Content
