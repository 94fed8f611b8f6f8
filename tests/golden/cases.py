"""Pools whose whole configuration is kept as files under `haproxy/`."""

from collections.abc import Mapping

from api.dcos_template.selecting.endpoint import Endpoint, Kind, words_key
from scheduler.pools.model import (
    Asked,
    Check,
    CustomCheck,
    MapRule,
    Protocol,
)
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.model.rewrite import RewriteHttp, RewritePath, RewriteRequest, RewriteResponse
from tests.golden import backends, frontends, tls
from tests.golden.case import Case, agent
from tests.unit.api.dcos_template.pools import TCP, address, backend, frontend, pool, service

PLAIN = backend("app", service(task_name="app"))

OLD = words_key("maxconn 100 slowstart 30s send-proxy-v2 check-send-proxy")
LAST = words_key("inter 1s port 8081 check-sni a.test backup ssl verify none check-ssl")

CASES: Mapping[str, Case] = {
    **backends.CASES,
    **tls.CASES,
    **frontends.CASES,
    "simple": Case(pool=pool("web", frontend("web", "app"), PLAIN), endpoints={"app": agent("10.0.0.1", "10.0.0.2")}),
    "empty-pool": Case(pool=pool("web")),
    "no-servers": Case(pool=pool("web", frontend("web", "app"), PLAIN)),
    "no-default": Case(pool=pool("web", frontend("web", "", MapRule(backend="app", path_beg="/app")), PLAIN)),
    "tcp": Case(
        pool=pool(
            "db",
            frontend("pg", "pg", **TCP),
            backend("pg", balance="leastconn", protocol=Protocol.TCP),
            backend("redis", balance="source", protocol=Protocol.TCP),
        ),
        endpoints={"pg": agent("10.0.0.1", port=5432), "redis": agent("10.0.0.2", "10.0.0.3", port=6379)},
    ),
    "routing": Case(
        pool=pool(
            "shop",
            frontend(
                "web",
                "app",
                MapRule(backend="api", host_eq="shop.example.com", path_beg="/api"),
                MapRule(backend="static", path_beg="/static"),
                MapRule(backend="app", host_eq="shop.example.com"),
                MapRule(backend="api", host_eq="api.example.com"),
                MapRule(backend="static", host_eq="api.example.com:8443", path_beg="/"),
            ),
            frontend("frontend_0.0.0.0_8080", "", MapRule(backend="api", host_eq="api.example.com")),
            PLAIN,
            backend("api", service(task_name="api")),
            backend("static", service(task_name="static")),
        ),
        endpoints={"app": agent("10.0.0.1"), "api": agent("10.0.0.2", "10.0.0.3"), "static": agent("10.0.0.4")},
    ),
    "canaries": Case(
        pool=pool(
            "shop",
            frontend(
                "web",
                "app",
                MapRule(
                    backend="canary",
                    host_eq="shop.example.com",
                    headers=(Asked(name="X-Canary", value_eq='it\'s 100% "$on" # so'),),
                ),
                MapRule(
                    backend="canary",
                    hosts_eq=tuple(f"h{number}.example.com" for number in range(20)),
                    path_beg="/api",
                    path_end=".json",
                    host_reg="^h",
                    path_reg="[0-9]",
                    headers=(Asked(name="User-Agent", value_reg="(?i)curl/'?[0-9]"), Asked(name="X-Tester")),
                    cookies=(Asked(name="version", value_eq="2"), Asked(name="user", value_reg="^a")),
                ),
                MapRule(backend="app", host_eq="shop.example.com"),
            ),
            PLAIN,
            backend("canary", service(task_name="canary")),
        ),
        endpoints={"app": agent("10.0.0.1"), "canary": agent("10.0.0.2")},
    ),
    "patterns": Case(
        pool=pool(
            "shop",
            frontend(
                "web",
                "app",
                MapRule(backend="api", hosts_eq=("shop.example.com", "*.shop.example.com", "*.example.org")),
                MapRule(backend="static", path_end=".png"),
                MapRule(backend="static", host_reg=r"^cdn\d+\.example\.com(:8080)?$", path_beg="/v1/"),
                MapRule(backend="api", path_beg="/api"),
                MapRule(
                    backend="static",
                    hosts_eq=("a.test", "b.test:81", "*.c.test"),
                    path_reg="(?i)^/it's/.*[.]jpe?g$",
                ),
                MapRule(backend="app", host_eq="late.example.com"),
            ),
            frontend("only", "", MapRule(backend="app", host_reg="[.]example[.]com$")),
            PLAIN,
            backend("api", service(task_name="api")),
            backend("static", service(task_name="static")),
        ),
        endpoints={"app": agent("10.0.0.1"), "static": agent("10.0.0.4")},
    ),
    "balances": Case(
        pool=pool(
            "web",
            frontend("web", "hdr"),
            backend("hdr", balance="hdr(X-User)"),
            backend("uri", balance="uri depth 3"),
            backend("url-param", balance="url_param user"),
            backend("random", balance="random(3)"),
            backend("static", balance="static-rr"),
            backend("first", balance="first"),
        ),
        endpoints={"hdr": agent("10.0.0.1", "10.0.0.2")},
    ),
    "endpoints": Case(
        pool=pool(
            "web",
            frontend("Web:1", "app", bind_address="127.0.0.1"),
            backend(
                "app", address("cache.example.com", 8080), service(Wish(check=Check(enabled=False)), task_name="x")
            ),
        ),
        endpoints={
            "app": (
                Endpoint(Kind.ADDRESS, "localhost", 8080),
                Endpoint(Kind.AGENT_IP, "10.0.0.1", 10006, False),
                Endpoint(Kind.CONTAINER_IP, "10.9.0.7", 80),
                Endpoint(Kind.CONTAINER_IP, "fd00::7", 80),
            )
        },
    ),
    "rewriting": Case(
        pool=pool(
            "web",
            frontend("web", "path"),
            backend("path", rewrite_http=RewriteHttp(path=RewritePath(from_path="/a.b(c)", to_path="/100%/"))),
            backend("root", rewrite_http=RewriteHttp(path=RewritePath(from_path="/app"))),
            backend("host", rewrite_http=RewriteHttp(host="app.example.com:8080")),
            backend(
                "request-only",
                rewrite_http=RewriteHttp(
                    host="app.example.com",
                    path=RewritePath(from_path="/a", to_path="/b"),
                    response=RewriteResponse(rewrite_location=False),
                ),
            ),
            backend("tcp", rewrite_http=RewriteHttp(host="app.example.com"), protocol=Protocol.TCP),
        ),
        endpoints={"path": agent("10.0.0.1"), "root": agent("10.0.0.2")},
    ),
    "tls-servers": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            frontend("raw", "db", **TCP),
            backend("app", address("k8s.example.com", 6443), service(task_name="app"), protocol=Protocol.HTTPS),
            backend(
                "named", service(task_name="app"), protocol=Protocol.HTTPS, rewrite_http=RewriteHttp(host="a.test:8443")
            ),
            backend("numbered", protocol=Protocol.HTTPS, rewrite_http=RewriteHttp(host="10.0.0.1")),
            backend("db", service(task_name="db"), protocol=Protocol.TLS),
        ),
        endpoints={
            "app": (*agent("10.0.0.1"), Endpoint(Kind.ADDRESS, "localhost", 6443)),
            "named": agent("10.0.0.2"),
            "db": agent("10.0.0.3"),
        },
    ),
    "server-words": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                service(Wish(misc_str="weight 20"), task_name="new"),
                service(Wish(misc_str="weight 10 maxconn 100 slowstart 30s send-proxy-v2"), task_name="old"),
                service(
                    Wish(misc_str="backup ssl", check=Check(custom_str="inter 1s port 8081 check-sni a.test")),
                    task_name="last",
                ),
            ),
        ),
        endpoints={
            "app": (
                Endpoint(Kind.AGENT_IP, "10.0.0.1", 10001, weight=20),
                Endpoint(Kind.AGENT_IP, "10.0.0.2", 10001, words=OLD, weight=10),
                Endpoint(Kind.AGENT_IP, "10.0.0.3", 10001, words=LAST),
            )
        },
    ),
    "custom-checks": Case(
        pool=pool(
            "web",
            frontend("web", "plain"),
            *(
                backend(name, service(task_name="app"), custom_check=check)
                for name, check in {
                    "plain": CustomCheck(httpchk=True),
                    "get": CustomCheck(httpchk=True, httpchk_misc_str="GET /health?a=%20"),
                    "headers": CustomCheck(
                        httpchk=True,
                        httpchk_misc_str=r"HEAD / HTTP/1.1\r\nHost:\ a.test\r\nX-Who: a 100% b",
                        misc_str="http-check expect ! status 500-599",
                    ),
                    "hello": CustomCheck(ssl_hello_chk=True),
                    "mysql": CustomCheck(misc_str="option mysql-check user haproxy post-41"),
                }.items()
            ),
            backend("tls", custom_check=CustomCheck(ssl_hello_chk=True), protocol=Protocol.TLS),
            backend("tcp", custom_check=CustomCheck(httpchk=True), protocol=Protocol.TCP),
        ),
        endpoints={"plain": agent("10.0.0.1"), "tls": agent("10.0.0.2"), "tcp": agent("10.0.0.3")},
    ),
    "no-headers": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                rewrite_http=RewriteHttp(
                    request=RewriteRequest(
                        forwardfor=False, x_forwarded_port=False, x_forwarded_proto_https_if_tls=False
                    )
                ),
            ),
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
}
