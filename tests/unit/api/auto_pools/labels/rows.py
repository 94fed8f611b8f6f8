"""An example of each label of the table: what it says, and what becomes of it in the claim."""

from collections.abc import Callable
from typing import Any, NamedTuple

from api.auto_pools.claim import Claim
from scheduler.pools.model import (
    Check,
    ClientCertificates,
    ClientVerify,
    EndpointType,
    MapRule,
    Method,
    Protocol,
    ProxyProtocol,
    Retries,
    RetryOn,
    RewritePath,
    RewriteRequest,
    RewriteResponse,
    Sticky,
    Timeouts,
    TlsPolicy,
)
from scheduler.pools.model.answers import Compression
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import AcceptProxy
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts
from scheduler.pools.model.limits import FrontendTimeouts, Limits, RequestRate
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp


class Example(NamedTuple):
    """A label, its text, where the value is in the claim, and what it is."""

    name: str
    text: str
    seen: Callable[[Claim], Any]
    value: Any


def _frontend(field: str) -> Callable[[Claim], Any]:
    return lambda claim: dict(claim.frontend)[field].value


def _backend(field: str, inner: str = "") -> Callable[[Claim], Any]:
    def seen(claim: Claim) -> Any:
        value = dict(claim.backend)[field].value
        return getattr(value, inner) if inner else value

    return seen


def _endpoint(field: str) -> Callable[[Claim], Any]:
    return lambda claim: getattr(claim.endpoint, field)


_HASH = "$5$a$" + "a" * 43
_HEADERS = (HeaderRule(name="X-A", value="b"), HeaderRule(name="X-C", action=HeaderAction.REMOVE))
EXAMPLES = [
    Example("frontend.certificates", "web, $AUTOCERT", _frontend("certificates"), ("$SECRETS/web", "$AUTOCERT")),
    Example("frontend.port", "8080", lambda claim: claim.port, 8080),
    Example("frontend.protocol", "HTTPS", _frontend("protocol"), Protocol.HTTPS),
    Example(
        "frontend.redirectToHttps",
        "host:a.test|pathBeg:/x,pathBeg:/y",
        _frontend("redirect_to_https"),
        RedirectToHttps(except_=(StaysOnHttp(host="a.test", path_beg="/x"), StaysOnHttp(path_beg="/y"))),
    ),
    Example(
        "frontend.redirectToHttps.except",
        "host:a.test",
        _frontend("redirect_to_https"),
        RedirectToHttps(except_=(StaysOnHttp(host="a.test"),)),
    ),
    Example("frontend.redirectToHttps.port", "8443", _frontend("redirect_to_https"), RedirectToHttps(port=8443)),
    Example("frontend.redirectToHttps.code", "308", _frontend("redirect_to_https"), RedirectToHttps(code=308)),
    Example(
        "frontend.rules",
        "hostEq:A.test|pathBeg:/x,hostReg:^b,pathEnd:.png|pathReg:^/y",
        lambda claim: claim.rules,
        (
            MapRule(backend="web", host_eq="a.test", path_beg="/x"),
            MapRule(backend="web", host_reg="^b"),
            MapRule(backend="web", path_end=".png", path_reg="^/y"),
        ),
    ),
    Example("frontend.tls.policy", "modern", lambda claim: dict(claim.frontend)["tls"].value.policy, TlsPolicy.MODERN),
    Example("frontend.tls.http2", "false", lambda claim: dict(claim.frontend)["tls"].value.http2, False),
    Example(
        "frontend.tls.clientCertificates.ca",
        "team/ca",
        lambda claim: dict(claim.frontend)["tls"].value.client_certificates,
        ClientCertificates(ca="$SECRETS/team__ca"),
    ),
    Example(
        "frontend.tls.clientCertificates.verify",
        "optional",
        lambda claim: dict(claim.frontend)["tls"].value.client_certificates,
        ClientCertificates(verify=ClientVerify.OPTIONAL),
    ),
    Example(
        "frontend.clients.allow",
        "10.0.0.0/8, fd00::/8",
        lambda claim: dict(claim.frontend)["clients"].value.allow,
        ("10.0.0.0/8", "fd00::/8"),
    ),
    Example(
        "frontend.clients.deny",
        "10.0.0.1",
        lambda claim: dict(claim.frontend)["clients"].value.deny,
        ("10.0.0.1",),
    ),
    Example("frontend.acceptProxy", "", _frontend("accept_proxy"), AcceptProxy()),
    Example("frontend.acceptProxy.from", "10.0.0.0/8", _frontend("accept_proxy"), AcceptProxy(from_=("10.0.0.0/8",))),
    Example(
        "frontend.limits", "connections:5|requestBytes:9", _frontend("limits"), Limits(connections=5, request_bytes=9)
    ),
    Example("frontend.limits.connections", "5", _frontend("limits"), Limits(connections=5)),
    Example("frontend.limits.connectionsPerClient", "5", _frontend("limits"), Limits(connections_per_client=5)),
    Example("frontend.limits.requestBytes", "5", _frontend("limits"), Limits(request_bytes=5)),
    Example(
        "frontend.limits.requestsPerClient",
        "count:5|period:60",
        _frontend("limits"),
        Limits(requests_per_client=RequestRate(count=5, period=60)),
    ),
    Example(
        "frontend.limits.requestsPerClient.count",
        "5",
        _frontend("limits"),
        Limits(requests_per_client=RequestRate(count=5)),
    ),
    Example(
        "frontend.limits.requestsPerClient.period",
        "5",
        _frontend("limits"),
        Limits(requests_per_client=RequestRate(period=5)),
    ),
    Example(
        "frontend.timeouts",
        "client:1|httpRequest:2.5",
        _frontend("timeouts"),
        FrontendTimeouts(client=1, http_request=2.5),
    ),
    Example("frontend.timeouts.client", "3600", _frontend("timeouts"), FrontendTimeouts(client=3600)),
    Example("frontend.timeouts.httpRequest", "0.5", _frontend("timeouts"), FrontendTimeouts(http_request=0.5)),
    Example("frontend.timeouts.httpKeepAlive", "5", _frontend("timeouts"), FrontendTimeouts(http_keep_alive=5)),
    Example(
        "frontend.requestHeaders", "name:X-A|value:b,name:X-C|action:REMOVE", _frontend("request_headers"), _HEADERS
    ),
    Example(
        "frontend.responseHeaders", "name:X-A|value:b,name:X-C|action:REMOVE", _frontend("response_headers"), _HEADERS
    ),
    Example("frontend.hsts", "", _frontend("hsts"), Hsts()),
    Example("frontend.hsts.maxAge", "60", _frontend("hsts"), Hsts(max_age=60)),
    Example("frontend.hsts.includeSubDomains", "true", _frontend("hsts"), Hsts(include_sub_domains=True)),
    Example("frontend.hsts.preload", "true", _frontend("hsts"), Hsts(preload=True)),
    Example("frontend.compression", "text/css", _frontend("compression"), Compression(types=("text/css",))),
    Example(
        "frontend.compression.types",
        "text/css, text/html",
        _frontend("compression"),
        Compression(types=("text/css", "text/html")),
    ),
    Example("backend.balance", "leastconn", _backend("balance"), "leastconn"),
    Example("backend.portName", "web", _endpoint("port_name"), "web"),
    Example("backend.protocol", "HTTPS", _backend("protocol"), Protocol.HTTPS),
    Example("backend.percent", "10", lambda claim: claim.percent, 10),
    Example("backend.endpoint", "type:AGENT_IP|check.enabled:false", _endpoint("check"), Check(enabled=False)),
    Example("backend.endpoint.type", "CONTAINER_IP", _endpoint("type"), EndpointType.CONTAINER_IP),
    Example("backend.endpoint.address", "a.test.", _endpoint("address"), "a.test"),
    Example("backend.endpoint.port", "8080", _endpoint("port"), 8080),
    Example("backend.endpoint.portName", "web", _endpoint("port_name"), "web"),
    Example("backend.endpoint.allPorts", "true", _endpoint("all_ports"), True),
    Example("backend.endpoint.weight", "20", _endpoint("weight"), 20),
    Example("backend.endpoint.backup", "true", _endpoint("backup"), True),
    Example("backend.endpoint.maxConnections", "9", _endpoint("max_connections"), 9),
    Example("backend.endpoint.slowStart", "30", _endpoint("slow_start"), 30.0),
    Example("backend.endpoint.proxyProtocol", "V2", _endpoint("proxy_protocol"), ProxyProtocol.V2),
    Example("backend.endpoint.miscStr", "maxqueue 5", _endpoint("misc_str"), "maxqueue 5"),
    Example(
        "backend.endpoint.check", "enabled:true|customStr:inter 2s", _endpoint("check"), Check(custom_str="inter 2s")
    ),
    Example("backend.endpoint.check.enabled", "false", _endpoint("check"), Check(enabled=False)),
    Example("backend.endpoint.check.customStr", "inter 2s", _endpoint("check"), Check(custom_str="inter 2s")),
    Example("backend.http2", "true", _backend("http2"), True),
    Example("backend.tls.serverName", "a.test", _backend("tls", "server_name"), "a.test"),
    Example("backend.tls.ca", "team/ca", _backend("tls", "ca"), "$SECRETS/team__ca"),
    Example("backend.tls.verifyHost", "a.test", _backend("tls", "verify_host"), "a.test"),
    Example("backend.tls.certificate", "web", _backend("tls", "certificate"), "$SECRETS/web"),
    Example("backend.rewriteHttp.host", "a.test", _backend("rewrite_http", "host"), "a.test"),
    Example(
        "backend.rewriteHttp.path", "/a:/", _backend("rewrite_http", "path"), RewritePath(from_path="/a", to_path="/")
    ),
    Example("backend.rewriteHttp.path.fromPath", "/a", _backend("rewrite_http", "path"), RewritePath(from_path="/a")),
    Example("backend.rewriteHttp.path.toPath", "/a", _backend("rewrite_http", "path"), RewritePath(to_path="/a")),
    Example("backend.rewriteHttp.sticky", "", _backend("rewrite_http", "sticky"), Sticky(enabled=True)),
    Example("backend.rewriteHttp.sticky.enabled", "false", _backend("rewrite_http", "sticky"), Sticky()),
    Example(
        "backend.rewriteHttp.sticky.customStr",
        "SRV insert",
        _backend("rewrite_http", "sticky"),
        Sticky(enabled=True, custom_str="SRV insert"),
    ),
    Example(
        "backend.rewriteHttp.request",
        "forwardfor:false",
        _backend("rewrite_http", "request"),
        RewriteRequest(forwardfor=False),
    ),
    *(
        Example(f"backend.rewriteHttp.request.{name}", "false", _backend("rewrite_http", "request"), value)
        for name, value in {
            "forwardfor": RewriteRequest(forwardfor=False),
            "xForwardedPort": RewriteRequest(x_forwarded_port=False),
            "xForwardedProtoHttpsIfTls": RewriteRequest(x_forwarded_proto_https_if_tls=False),
            "setHostHeader": RewriteRequest(set_host_header=False),
            "rewritePath": RewriteRequest(rewrite_path=False),
        }.items()
    ),
    Example(
        "backend.rewriteHttp.response",
        "rewriteLocation:false|rewriteCookiePath:true",
        _backend("rewrite_http", "response"),
        RewriteResponse(rewrite_location=False, rewrite_cookie_path=True),
    ),
    Example(
        "backend.rewriteHttp.response.rewriteLocation",
        "false",
        _backend("rewrite_http", "response"),
        RewriteResponse(rewrite_location=False),
    ),
    Example(
        "backend.rewriteHttp.response.rewriteCookiePath",
        "true",
        _backend("rewrite_http", "response"),
        RewriteResponse(rewrite_cookie_path=True),
    ),
    Example(
        "backend.customCheck",
        "httpchk:true|httpchkMiscStr:GET /health",
        _backend("custom_check", "httpchk_misc_str"),
        "GET /health",
    ),
    Example("backend.customCheck.httpchk", "true", _backend("custom_check", "httpchk"), True),
    Example("backend.customCheck.httpchkMiscStr", "GET /x", _backend("custom_check", "httpchk_misc_str"), "GET /x"),
    Example("backend.customCheck.sslHelloChk", "true", _backend("custom_check", "ssl_hello_chk"), True),
    Example(
        "backend.customCheck.miscStr", "option redis-check", _backend("custom_check", "misc_str"), "option redis-check"
    ),
    Example("backend.clients.allow", "10.0.0.0/8, fd00::/8", _backend("clients", "allow"), ("10.0.0.0/8", "fd00::/8")),
    Example("backend.clients.deny", "10.0.0.1", _backend("clients", "deny"), ("10.0.0.1",)),
    Example(
        "backend.basicAuth.users",
        f"name:ann|passwordHash:{_HASH}",
        _backend("basic_auth"),
        BasicAuth(users=(BasicAuthUser(name="ann", password_hash=_HASH),)),
    ),
    Example("backend.requestHeaders", "name:X-A|value:b,name:X-C|action:REMOVE", _backend("request_headers"), _HEADERS),
    Example(
        "backend.responseHeaders", "name:X-A|value:b,name:X-C|action:REMOVE", _backend("response_headers"), _HEADERS
    ),
    Example("backend.timeouts", "connect:1|server:2", _backend("timeouts"), Timeouts(connect=1, server=2)),
    *(
        Example(f"backend.timeouts.{name}", "7", _backend("timeouts", name), 7.0)
        for name in ("connect", "server", "queue", "tunnel", "check")
    ),
    Example("backend.retries", "count:1", _backend("retries"), Retries(count=1)),
    Example("backend.retries.count", "0", _backend("retries"), Retries(count=0)),
    Example(
        "backend.retries.on",
        "503, empty-response",
        _backend("retries", "on"),
        (RetryOn.STATUS_503, RetryOn.EMPTY_RESPONSE),
    ),
    Example("backend.retries.methods", "GET", _backend("retries", "methods"), (Method.GET,)),
]
REALM = Example("backend.basicAuth.realm", "Shop", _backend("basic_auth", "realm"), "Shop")
"""It needs users."""
REDIRECT = Example(
    "frontend.redirects",
    "location:https://b.test/x|hostEq:a.test|pathEq:/y|code:301",
    lambda claim: claim.redirects,
    (Redirect(location="https://b.test/x", host_eq="a.test", path_eq="/y", code=301),),
)
"""It needs a rule for its host."""
