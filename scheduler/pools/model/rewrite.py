"""What an HTTP backend changes in requests and responses, as a pool says it, every default filled in. Pure.

Knows the shape alone. Does not know what becomes of it in HAProxy (api/dcos_template/rendering/rewriting.py).
"""

from dataclasses import dataclass, field

from scheduler.pools.model.sticky import Sticky


@dataclass(frozen=True, slots=True, kw_only=True)
class RewritePath:
    """The beginning of a path as clients ask for it, and as servers are asked; `from_path` `""` means no rewriting."""

    from_path: str = ""
    to_path: str = ""
    """`""` is the same as `/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRequest:
    """Which headers an HTTP backend adds to requests, and which of `host` and `path` it applies to them."""

    forwardfor: bool = True
    x_forwarded_port: bool = True
    x_forwarded_proto_https_if_tls: bool = True
    set_host_header: bool = True
    rewrite_path: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteResponse:
    """What an HTTP backend turns back in responses."""

    rewrite_location: bool = True
    rewrite_cookie_path: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteHttp:
    """Manipulation of HTTP requests and responses; without effect on TCP backends."""

    host: str = ""
    """What servers are told as `Host`; `""` means what the client said."""
    path: RewritePath = field(default=RewritePath())
    sticky: Sticky = field(default=Sticky())
    request: RewriteRequest = field(default=RewriteRequest())
    response: RewriteResponse = field(default=RewriteResponse())
