"""Who may be a client of a frontend or backend, and how its address is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Networks of clients: those of `deny` are turned away, and where `allow` names any, all that are not in them."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptProxy:
    """Connections begin with a header of the PROXY protocol, which says who the client is.

    Those of the networks in `from_` must have one and no others may; without any every connection must.
    """

    from_: tuple[str, ...] = ()
