"""Where a frontend sends its traffic: rules in order, and a default."""

from dataclasses import dataclass

from scheduler.pools.model.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRule:
    """Requests that meet every given condition go to `backend`; `""` and `()` mean no such condition."""

    backend: str
    host_eq: str = ""
    """A host, perhaps with a port, or `*.` and the end of hosts."""
    hosts_eq: tuple[str, ...] = ()
    """Several of them, one of which is enough."""
    host_reg: str = ""
    path_beg: str = ""
    path_end: str = ""
    path_reg: str = ""
    headers: tuple[Asked, ...] = ()
    """All of them have to hold, as all of `cookies`."""
    cookies: tuple[Asked, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it names, each once."""
        return tuple(dict.fromkeys((self.host_eq, *self.hosts_eq) if self.host_eq else self.hosts_eq))

    @property
    def has_conditions(self) -> bool:
        """False for a rule that every request would meet."""
        return bool(self.hosts or self.host_reg or self.has_path or self.headers or self.cookies)

    @property
    def has_path(self) -> bool:
        """True for a rule that looks at the path."""
        return bool(self.path_beg or self.path_end or self.path_reg)

    @property
    def is_tried(self) -> bool:
        """True for a rule that cannot be looked up by host and beginning of the path alone."""
        return bool(self.host_reg or self.path_end or self.path_reg or self.headers or self.cookies)


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
