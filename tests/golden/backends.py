"""Cases about backends."""

from collections.abc import Mapping

from api.dcos_template.selecting.endpoint import Endpoint, Kind, words_key
from scheduler.pools.model import (
    Check,
    CustomCheck,
    Method,
    Protocol,
    ProxyProtocol,
    Retries,
    RetryOn,
    RewriteHttp,
    ServerTls,
    Sticky,
    Timeouts,
)
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import Clients
from scheduler.pools.model.headers import HeaderAction, HeaderRule
from tests.golden.case import Case, agent
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

LIMITED = words_key("backup maxconn 100 slowstart 1500ms send-proxy-v2 check-send-proxy")

CASES: Mapping[str, Case] = {
    "sticky": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend("app", rewrite_http=RewriteHttp(sticky=Sticky(enabled=True))),
            backend(
                "own",
                rewrite_http=RewriteHttp(
                    sticky=Sticky(enabled=True, custom_str="SRV prefix nocache domain .example.com attr SameSite=None")
                ),
            ),
            backend("off", rewrite_http=RewriteHttp(sticky=Sticky(custom_str="SRV insert"))),
            backend("tcp", rewrite_http=RewriteHttp(sticky=Sticky(enabled=True)), protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1", "10.0.0.2"), "own": agent("10.0.0.3")},
    ),
    "backend-access": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                clients=Clients(allow=("10.0.0.0/8", "fd00::/8"), deny=("10.1.0.0/16",)),
                basic_auth=BasicAuth(
                    users=(BasicAuthUser(name="ops", password_hash="$6$a.b$" + "c/" * 43),), realm="Shop"
                ),
            ),
            backend("tcp", protocol=Protocol.TCP, clients=Clients(deny=("10.1.0.0/16",))),
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "server-fields": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                service(Wish(weight=20), task_name="new"),
                service(
                    Wish(
                        weight=0,
                        backup=True,
                        max_connections=100,
                        slow_start=1.5,
                        proxy_protocol=ProxyProtocol.V2,
                    ),
                    task_name="old",
                ),
                service(Wish(proxy_protocol=ProxyProtocol.V1, check=Check(custom_str="port 81")), task_name="other"),
            ),
        ),
        endpoints={
            "app": (
                Endpoint(Kind.AGENT_IP, "10.0.0.1", 10001, weight=20),
                Endpoint(Kind.AGENT_IP, "10.0.0.2", 10001, words=LIMITED, weight=0),
                Endpoint(Kind.AGENT_IP, "10.0.0.3", 10001, words=words_key("port 81 send-proxy")),
            )
        },
    ),
    "http2": Case(
        pool=pool(
            "web",
            frontend("web", "clear"),
            backend("clear", service(task_name="a"), http2=True),
            backend("checked", service(task_name="a"), http2=True, custom_check=CustomCheck(httpchk=True)),
            backend(
                "tls",
                service(task_name="a"),
                protocol=Protocol.HTTPS,
                http2=True,
                tls=ServerTls(server_name="a.test"),
                rewrite_http=RewriteHttp(host="b.test"),
                custom_check=CustomCheck(httpchk=True),
            ),
            backend("raw", service(task_name="a"), protocol=Protocol.TLS, tls=ServerTls(server_name="a.test")),
        ),
        endpoints={name: agent("10.0.0.1") for name in ("clear", "checked", "tls", "raw")},
    ),
    "verified-servers": Case(
        pool=pool(
            "web",
            frontend("web", "own"),
            backend(
                "own",
                service(task_name="a"),
                protocol=Protocol.HTTPS,
                tls=ServerTls(ca="$SECRETS/ca.pem", certificate="$ENVFILE/ELB_FILE_OWN"),
            ),
            backend(
                "named",
                service(task_name="a"),
                protocol=Protocol.HTTPS,
                tls=ServerTls(ca="$SYSTEM", verify_host="b.test"),
            ),
            backend(
                "raw",
                service(task_name="a"),
                protocol=Protocol.TLS,
                tls=ServerTls(server_name="a.test", ca="$SYSTEM", certificate="$AUTOCERT"),
            ),
        ),
        endpoints={name: agent("10.0.0.1") for name in ("own", "named", "raw")},
    ),
    "backend-headers": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                service(task_name="a"),
                service(Wish(backup=True), task_name="b"),
                rewrite_http=RewriteHttp(host="a.test"),
                minimum_servers=2,
                request_headers=(
                    HeaderRule(name="X-App", value="a 'b' 100%"),
                    HeaderRule(name="X-Forwarded-Port", action=HeaderAction.REMOVE),
                ),
                response_headers=(HeaderRule(name="Vary", value="Cookie", action=HeaderAction.ADD),),
            ),
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "patience": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                timeouts=Timeouts(connect=0.5, server=600, queue=1.001, tunnel=86400, check=1),
                retries=Retries(
                    count=1, on=(RetryOn.STATUS_503, RetryOn.CONN_FAILURE), methods=(Method.PUT, Method.GET)
                ),
            ),
            backend("never", retries=Retries(count=0, on=(), methods=())),
            backend("tcp", timeouts=Timeouts(tunnel=60), retries=Retries(count=2), protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "never": agent("10.0.0.2"), "tcp": agent("10.0.0.3")},
    ),
    "raw-lines": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                misc_strs=("timeout server 1h  # uploads", "http-request set-header X-App 'a \"b\" # $c'"),
            ),
            backend("static", balance="source", misc_strs=("hash-type map-based",)),
            backend("tcp", misc_strs=("stick-table type ip size 10k", "stick on src"), protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "static": agent("10.0.0.2"), "tcp": agent("10.0.0.3")},
    ),
}
