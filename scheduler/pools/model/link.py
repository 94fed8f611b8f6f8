"""Where a frontend sends its traffic: rules in order, and a default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRule:
    """Requests that meet every given condition go to `backend`; `""` means no such condition."""

    backend: str
    host_eq: str = ""
    path_beg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBackend:
    """Where a frontend sends its traffic: the first matching rule wins, else the default, else HTTP 503."""

    default_backend: str = ""
    map: tuple[MapRule, ...] = ()

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of all backends that are referred to, sorted, each once."""
        names = {rule.backend for rule in self.map} | ({self.default_backend} - {""})
        return tuple(sorted(names))
