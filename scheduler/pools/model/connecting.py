"""How servers are connected to, beyond the protocol."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """TLS to servers."""

    server_name: str = ""
    """The name that is asked for (SNI); `""` means `rewriteHttp.host`, where there is one."""
