"""Whether a framework's process is ready, and if not, why: one sentence, made from where its parts stand."""

from dataclasses import dataclass

from sdk.core.state import Connection, State
from sdk.runner.edges import Charge, Phase
from sdk.runner.frames import Frames
from sdk.storage.holder import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the parts stand."""

    phase: Phase
    error: str | None
    """What went wrong last and was not repaired."""
    charge: Charge
    frames: Frames | None
    """None while this process is not in charge."""
    trouble: str | None
    """Why there is no subscription, as far as is known."""

    @property
    def state(self) -> State | None:
        """What the core knows."""
        return None if self.frames is None else self.frames.state

    @property
    def last_error(self) -> str | None:
        """What went wrong last anywhere, None when all is well."""
        stored = None if self.frames is None else self.frames.error
        return self.error or stored or (None if self.state is None else self.state.link.error)

    @property
    def why_not_ready(self) -> str:
        """Empty when it is."""
        why = f": {self.error}" if self.error else ""
        match self.phase:
            case Phase.STANDBY:
                holder = self.charge.holder
                return f"standby: {f'{holder.url} is in charge' if holder else 'nobody is in charge yet'}{why}"
            case Phase.LOADING:
                return f"in charge, reading what is stored{why}"
            case Phase.UNINSTALLED:
                return "the framework was uninstalled; stop this process, or restart it to install it again"
            case Phase.SUPERSEDED:
                return self.error or "superseded"
            case Phase.STOPPED:
                return "stopped"
            case Phase.REMOVED:
                return self.error or "Mesos removed the framework"
            case Phase.LEADING:
                return self._why_not_leading_well()

    def _why_not_leading_well(self) -> str:
        if self.charge.role is Role.SUSPENDED:
            return "in charge, but ZooKeeper does not answer"
        state = self.state
        if self.frames is None or state is None or state.connection is not Connection.SUBSCRIBED:
            trouble = self.error or (None if state is None else state.link.error) or self.trouble
            return "not subscribed to Mesos" + (f": {trouble}" if trouble else "")
        if self.frames.error is not None:
            return f"in charge, but nothing can be stored: {self.frames.error}"
        return self.frames.unusable or ""
