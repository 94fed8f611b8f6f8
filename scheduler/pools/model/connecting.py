"""How servers are connected to, beyond the protocol."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """TLS to servers."""

    server_name: str = ""
    """The name that is asked for (SNI); `""` means `rewriteHttp.host`, where there is one."""
    ca: str = ""
    """The file with those that may have signed servers' certificates; `""`: these are not verified."""
    verify_host: str = ""
    """The name that a certificate must be for, where none is asked for; else it must be for that one."""
    certificate: str = ""
    """What servers are shown when they want a certificate."""
