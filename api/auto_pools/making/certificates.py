"""For which hosts the certificates of a port are shown. Pure.

Clients that ask for a name which stands in a certificate as it is would be shown that, whoever brings it. So what an
application brings to a port is shown for the hosts of its own rules. Whoever is there longest with a certificate keeps
the port: his are for all others, too, as their names say, and the first one is for clients that name no host.
"""

from collections.abc import Collection, Iterable, Mapping

from api.auto_pools.claim import App
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.bringing import Brought, whole_hosts
from scheduler.pools.model.certificate import CertificateHosts

_MOST_OTHERS = 500
"""Hosts of others below a `*.`; where there are more, the certificate is not shown for it."""


def certificate_hosts(
    bringers: Mapping[AppClaim, Brought], at_port: Iterable[AppClaim]
) -> tuple[CertificateHosts, ...]:
    """Of the certificates that are not for all; `at_port` are all claims of the port."""
    keeper = next(iter(bringers)).app if bringers else None
    found: dict[str, list[AppClaim]] = {}
    for claim, brought in bringers.items():
        for file in brought.files:
            found.setdefault(file, []).append(claim)
    limited = {
        file: claims
        for file, claims in found.items()
        if all(claim.app != keeper and claim.claim.rules for claim in claims)
    }
    hosts = {file: frozenset[str]().union(*(bringers[one].hosts for one in claims)) for file, claims in limited.items()}
    below = any(host.startswith("*") for own in hosts.values() for host in own)
    others = tuple(at_port) if below else ()
    return tuple(
        CertificateHosts(certificate=file, hosts=_hosts(hosts[file], {claim.app for claim in claims}, others))
        for file, claims in limited.items()
    )


def _hosts(own: frozenset[str], apps: Collection[App], others: Iterable[AppClaim]) -> tuple[str, ...]:
    """These, and those below one of them that are not for these applications."""
    stars = {host for host in own if host.startswith("*")}
    if not stars:
        return tuple(sorted(own))
    theirs: dict[str, set[str]] = {}
    for claim in others:
        for host in whole_hosts(claim) if claim.app not in apps else ():
            if (star := f"*.{host.partition('.')[2]}") in stars and host not in own:
                theirs.setdefault(star, set()).add(f"!{host}")
    too_many = {star for star, hosts in theirs.items() if len(hosts) > _MOST_OTHERS}
    left = set[str]().union(*(hosts for star, hosts in theirs.items() if star not in too_many))
    return tuple(sorted(own - too_many)) + tuple(sorted(left))
