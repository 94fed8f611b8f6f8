"""Certificates and other files: those that listeners name must be brought by something of the pool."""

from collections.abc import Iterable, Iterator, Set

from scheduler.pools.model import AUTOCERT, ENVFILE, SECRETS, SYSTEM, Backend, Frontend, Pool
from scheduler.pools.problems import Problem


def secret_problems(pool: Pool) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, secret in enumerate(pool.secrets):
        if secret.file in first:
            rule = f"is also the file of pool.secrets[{first[secret.file]}]; give each one its own"
            yield Problem(path=f"pool.secrets[{index}].file", value=secret.file, rule=rule)
        first.setdefault(secret.file, index)


def tls_problems(pool: Pool) -> Iterator[Problem]:
    """A listener that speaks TLS has a certificate, and every file that it or a backend names can come."""
    files = {f"{SECRETS}{one.file}" for one in pool.secrets} | {
        f"{ENVFILE}{one.name}" for one in pool.environment if one.is_file
    }
    for index, frontend in enumerate(pool.haproxy.frontends):
        path = f"pool.haproxy.frontends[{index}]"
        if frontend.protocol.is_tls and not frontend.certificates:
            rule = f"is empty, and protocol {frontend.protocol} needs a certificate: name one, for example {AUTOCERT}"
            yield Problem(path=f"{path}.certificates", rule=rule)
        yield from _missing(files, path, _named(frontend))
    for index, backend in enumerate(pool.haproxy.backends):
        yield from _missing(files, f"pool.haproxy.backends[{index}]", _named_by(backend))


def _named(frontend: Frontend) -> Iterator[tuple[str, str]]:
    for at, name in enumerate(frontend.certificates):
        yield f"certificates[{at}]", name
    if frontend.tls.client_certificates.ca:
        yield "tls.clientCertificates.ca", frontend.tls.client_certificates.ca


def _named_by(backend: Backend) -> Iterator[tuple[str, str]]:
    for where, name in (("tls.ca", backend.tls.ca), ("tls.certificate", backend.tls.certificate)):
        if name:
            yield where, name


def _missing(files: Set[str], path: str, named: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    for where, name in named:
        if name not in (AUTOCERT, SYSTEM) and name not in files:
            yield Problem(path=f"{path}.{where}", value=name, rule=_how_it_comes(name))


def _how_it_comes(name: str) -> str:
    if name.startswith(SECRETS):
        return f"is brought by no secret: list one with the file {name.removeprefix(SECRETS)} in pool.secrets"
    return f"is not there: set {name.removeprefix(ENVFILE)} in pool.environmentVariables"
