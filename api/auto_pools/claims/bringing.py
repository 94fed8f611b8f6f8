"""Which certificates a claim brings to its port, and for which hosts they can be shown. Pure."""

from typing import NamedTuple

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import CERTIFICATES, CertificateKey, certificates_of
from api.auto_pools.claims.holders import Holders
from scheduler.pools.words.texts import shown_host


class Brought(NamedTuple):
    """What a claim brings: files of certificates, and the hosts for which they can be shown."""

    files: tuple[str, ...]
    hosts: frozenset[str]


def bringing(claim: AppClaim) -> Brought | None:
    """What it brings; None for most."""
    files = brought_by(claim)
    return Brought(files, whole_hosts(claim)) if files else None


def brought_by(claim: AppClaim) -> tuple[str, ...]:
    """The certificates of a claim."""
    return next((certificates_of(option) for field, option in claim.claim.frontend if field == CERTIFICATES), ())


def whole_hosts(claim: AppClaim) -> frozenset[str]:
    """The hosts of its rules that are told as a whole, or as all below a name; without their ports."""
    hosts = (host.partition(":")[0] for rule in claim.claim.rules for host in rule.hosts)
    return frozenset(host for host in hosts if shown_host(host) is None)


def kept_from(claim: AppClaim, holders: Holders) -> AppClaim | None:
    """Who keeps the port, where what the claim brings to it would be shown to nobody."""
    files = brought_by(claim)
    if not files or not claim.claim.rules or whole_hosts(claim):
        return None
    keeper = next((one for one in holders.at_port(claim.port).claims if brought_by(one)), None)
    if keeper is None or keeper.app == claim.app:
        return None
    known = (holders.of(CertificateKey(claim.port, file)) for file in files)
    return None if all(any(one.app == keeper.app for one in claims) for claims in known) else keeper
