"""How servers are spoken to in TLS."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from api.dcos_template.rendering.haproxy.material import file_of
from pool_executor.contract import Needs, need_problems
from sdk.net.names import is_host


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """Files are named as in a pool: `$SECRETS/ca.pem`."""

    name: str = ""
    """What servers are asked for (SNI)."""
    authority: str = ""
    """Who may have signed their certificates; `""`: most servers in a cluster have signed them themselves."""
    verified_name: str = ""
    """What certificates must be for, where no name is asked for; else they must be for that one."""
    certificate: str = ""
    """What servers are shown when they want one."""

    def __post_init__(self) -> None:
        for name in (self.name, self.verified_name):
            require(not name or is_host(name), "serverName", f"{name!r:.80} is no name of a server")
        for where, rule in need_problems(self.needs):
            require(False, where, rule)

    @property
    def needs(self) -> Needs:
        """The files that an instance must have for it."""
        return Needs(
            authorities=(file_of(self.authority),) if self.authority else (),
            identities=(file_of(self.certificate),) if self.certificate else (),
        )

    @property
    def words(self) -> str:
        """What stands in the line of a server. Files are below the instance's `ca-base` and `crt-base`."""
        words = ["ssl", *self._verification, "check-ssl"]
        if self.certificate:
            words += ["crt", file_of(self.certificate)]
        if self.name:
            words += ["sni", f"str({self.name})", "check-sni", self.name]
        return " ".join(words)

    @property
    def _verification(self) -> list[str]:
        if not self.authority:
            return ["verify", "none"]
        words = ["verify", "required", "ca-file", file_of(self.authority)]
        return [*words, "verifyhost", self.verified_name] if self.verified_name and not self.name else words
