"""Frontends that speak TLS."""

from collections.abc import Mapping

from scheduler.pools.model import ClientCertificates, ClientVerify, FrontendTls, MapRule, Protocol, TlsPolicy
from scheduler.pools.model.certificate import CertificateHosts
from tests.golden.case import Case, agent
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

PLAIN = backend("app", service(task_name="app"))

CASES: Mapping[str, Case] = {
    "tls": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                protocol=Protocol.HTTPS,
                certificates=("$SECRETS/web.pem", "$AUTOCERT", "$ENVFILE/ELB_FILE_OTHER"),
                certificate_hosts=(
                    CertificateHosts(certificate="$AUTOCERT", hosts=("own.test", "*.own.test", "!not.own.test")),
                    CertificateHosts(certificate="$ENVFILE/ELB_FILE_OTHER"),
                ),
                bind_modifier="accept-proxy",
            ),
            frontend(
                "own",
                "app",
                MapRule(backend="app", path_beg="/a"),
                protocol=Protocol.HTTPS,
                certificates=("$AUTOCERT",),
                tls=FrontendTls(
                    policy=TlsPolicy.MODERN, http2=False, client_certificates=ClientCertificates(ca="$SECRETS/ca.pem")
                ),
            ),
            frontend(
                "db",
                "db",
                protocol=Protocol.TLS,
                certificates=("$SECRETS/web.pem",),
                tls=FrontendTls(
                    policy=TlsPolicy.OLD,
                    client_certificates=ClientCertificates(ca="$SECRETS/ca.pem", verify=ClientVerify.OPTIONAL),
                ),
            ),
            PLAIN,
            backend("db", protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "db": agent("10.0.0.3")},
    ),
}
