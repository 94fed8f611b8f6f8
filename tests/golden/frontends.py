"""Cases about frontends."""

from collections.abc import Mapping

from scheduler.pools.model import MapRule, Protocol
from scheduler.pools.model.answers import Compression, ErrorPage
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import AcceptProxy, Clients
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts
from scheduler.pools.model.limits import FrontendTimeouts, Limits, RequestRate
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp
from tests.golden.case import Case, agent
from tests.unit.api.dcos_template.pools import TCP, backend, frontend, pool, service

PLAIN = backend("app", service(task_name="app"))

CASES: Mapping[str, Case] = {
    "answers": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                compression=Compression(types=("text/html", "text/css")),
                error_pages=(
                    ErrorPage(status=503, content="<p>\n\t'Sorry' — \"$x\" %[src] \\</p>\r\n"),
                    ErrorPage(status=403, content="No", content_type="text/plain"),
                ),
                basic_auth=BasicAuth(users=(BasicAuthUser(name="ops", password_hash="$6$a.b$" + "c/" * 43),)),
            ),
            PLAIN,
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "ipv6": Case(
        pool=pool(
            "web",
            frontend("all", "app", bind_address="::"),
            frontend("one", "app", bind_address="fd00::1"),
            frontend("only", "app", bind_address="::", bind_modifier="v6only"),
            PLAIN,
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "raw": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                MapRule(backend="other", path_beg="/other"),
                bind_modifier="accept-proxy maxconn 1000",
                misc_strs=(
                    "timeout client 1h",
                    "use_backend other if canary",
                    "http-request set-header X-Who 'a \"b\" $c' # why",
                    "acl canary hdr(x-canary) -m found",
                    r"http-request deny if { path_reg ^/a\.b\ c$ }",
                    "tcp-request inspect-delay 5s",
                ),
            ),
            frontend("db", "db", misc_strs=("option clitcpka", "no option dontlognull"), **TCP),
            PLAIN,
            backend("other"),
            backend("db", protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "other": agent("10.0.0.2"), "db": agent("10.0.0.3")},
    ),
    "redirects": Case(
        pool=pool(
            "web",
            frontend("all", redirect_to_https=RedirectToHttps()),
            frontend(
                "elsewhere",
                "app",
                redirects=(
                    Redirect(host_eq="old.example.com", location="https://new.example.com/", keep_path=True, code=301),
                    Redirect(path_eq="/a", path_beg="/", location="/b%20c?d=e#f"),
                    Redirect(location="https://www.example.com"),
                ),
            ),
            frontend(
                "some",
                "app",
                redirect_to_https=RedirectToHttps(
                    except_=(
                        StaysOnHttp(path_beg="/.well-known/acme-challenge/"),
                        StaysOnHttp(host="plain.example.com", path_beg="/a(b)"),
                        StaysOnHttp(host="old.example.com"),
                    ),
                    port=8443,
                    code=308,
                ),
            ),
            PLAIN,
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "clients": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                clients=Clients(allow=tuple(f"10.0.{number}.0/24" for number in range(50)), deny=("fd00::/8",)),
                accept_proxy=AcceptProxy(from_=("192.168.0.0/16",)),
            ),
            frontend("all", "app", accept_proxy=AcceptProxy()),
            frontend("db", "db", clients=Clients(deny=("10.0.0.1",)), **TCP),
            PLAIN,
            backend("db", protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "db": agent("10.0.0.3")},
    ),
    "headers": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                request_headers=(
                    HeaderRule(name="X-Real", value="100% 'a' \"b\" $c # {d}"),
                    HeaderRule(name="X-More", value="b", action=HeaderAction.ADD),
                    HeaderRule(name="X-Less", action=HeaderAction.REMOVE),
                ),
                response_headers=(
                    HeaderRule(name="Server", action=HeaderAction.REMOVE),
                    HeaderRule(name="X-Frame-Options", value="DENY"),
                    HeaderRule(name="X-Passed", value="web", action=HeaderAction.ADD),
                ),
                hsts=Hsts(include_sub_domains=True, preload=True),
            ),
            PLAIN,
        ),
        endpoints={"app": agent("10.0.0.1")},
    ),
    "limits": Case(
        pool=pool(
            "web",
            frontend(
                "web",
                "app",
                limits=Limits(
                    connections=1000,
                    connections_per_client=10,
                    request_bytes=1_000_000,
                    requests_per_client=RequestRate(count=100),
                ),
                timeouts=FrontendTimeouts(client=3600.0, http_request=0.5, http_keep_alive=60.0),
            ),
            frontend(
                "db",
                "db",
                limits=Limits(connections_per_client=10, requests_per_client=RequestRate(count=100, period=60)),
                timeouts=FrontendTimeouts(client=3600.0),
                **TCP,
            ),
            PLAIN,
            backend("db", protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "db": agent("10.0.0.3")},
    ),
}
