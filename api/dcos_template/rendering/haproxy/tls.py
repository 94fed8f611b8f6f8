"""How a listener speaks TLS: its certificates, and the words of its `bind` line.

The versions and ciphers are those that Mozilla recommends for servers (https://wiki.mozilla.org/Security/Server_Side_TLS,
guidelines 5.7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.dcos_template.rendering.haproxy.grammar import Mode, require
from api.dcos_template.rendering.haproxy.material import file_of
from pool_executor.contract import Needs, need_problems
from scheduler.pools.model import ClientVerify, TlsPolicy

_TLS13 = "ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
_INTERMEDIATE = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
)
_OLD = (
    # OpenSSL 3 signs nothing with SHA-1, which is all that TLS 1.0 and 1.1 know, above this level.
    "@SECLEVEL=0",
    *_INTERMEDIATE,
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA256",
    "AES256-SHA256",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
)
_POLICIES: Mapping[TlsPolicy, str] = {
    TlsPolicy.MODERN: f"ssl-min-ver TLSv1.3 {_TLS13} prefer-client-ciphers",
    TlsPolicy.INTERMEDIATE: (
        f"ssl-min-ver TLSv1.2 {_TLS13} ciphers {':'.join(_INTERMEDIATE)} prefer-client-ciphers no-tls-tickets"
    ),
    TlsPolicy.OLD: f"ssl-min-ver TLSv1.0 {_TLS13} ciphers {':'.join(_OLD)} no-tls-tickets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files are named as in a pool: `$SECRETS/web.pem`."""

    certificates: tuple[str, ...]
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For some of them, for which hosts they are shown."""
    policy: TlsPolicy = TlsPolicy.INTERMEDIATE
    http2: bool | None = None
    """Whether HTTP/2 is offered beside HTTP/1.1; None where no HTTP is spoken."""
    client_ca: str = ""
    verify: ClientVerify = ClientVerify.REQUIRED
    one_is_enough: bool = False
    """Whether one of the certificates is served while others are not there."""

    def __post_init__(self) -> None:
        require(bool(self.certificates), "certificates", "are none")
        for where, rule in need_problems(self.needs({})):
            require(False, where, rule)

    def needs(self, ports: Mapping[str, str]) -> Needs:
        """What an instance must have for the listener, beside these ports."""
        return Needs(
            ports=ports,
            certificates=tuple(map(file_of, self.certificates)),
            hosts={file_of(name): hosts for name, hosts in self.hosts.items()},
            authorities=(file_of(self.client_ca),) if self.client_ca else (),
            one_is_enough=self.one_is_enough,
        )

    @property
    def words(self) -> str:
        """What stands on the `bind` line behind the list of certificates."""
        found = []
        if self.http2 is not None:
            found.append("alpn h2,http/1.1" if self.http2 else "alpn http/1.1")
        found.append(_POLICIES[self.policy])
        if self.client_ca:
            source, _, name = file_of(self.client_ca).partition("/")
            found.append(f'ca-file "${{{source.upper()}}}/{name}" verify {self.verify.value}')
        return " ".join(found)

    def check_mode(self, mode: Mode, path: str) -> None:
        """Raises InvalidSpec where HTTP/2 would be offered by what speaks no HTTP."""
        require((self.http2 is not None) == (mode is Mode.HTTP), path, "offers HTTP where it speaks none, or no HTTP")
