"""How far HAProxy is with the log of endpoints. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

from pool_executor.contract import Step
from pool_executor.lbmgr.servers.teller import Refusal
from pool_executor.lbmgr.structure.content import ServerRef


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log was read."""

    lineage: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Up to where HAProxy has the servers, when that happened, and which it does not take."""

    position: Position
    stamps: Mapping[str, float]
    recent: tuple[Step, ...]
    refused: Mapping[ServerRef, Refusal]
