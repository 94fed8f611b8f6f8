"""The V2 form of backends."""

from typing import Any

from marshmallow import post_dump

from scheduler.pools.fields import Choice, Flag, Items, Strict, Text, Whole, nested
from scheduler.pools.model import (
    Backend,
    CustomCheck,
    Protocol,
    RewriteHttp,
    RewritePath,
    RewriteRequest,
    RewriteResponse,
    Sticky,
)
from scheduler.pools.raw import Place
from scheduler.pools.schema.basic_auth import BasicAuthSchema
from scheduler.pools.schema.clients import ClientsSchema
from scheduler.pools.schema.connecting import ServerTlsSchema
from scheduler.pools.schema.headers import header_rules
from scheduler.pools.schema.patience import RetriesSchema, TimeoutsSchema
from scheduler.pools.schema.raw import RawLines
from scheduler.pools.schema.service import ServiceSchema
from scheduler.pools.schema.sticky import StickySchema
from scheduler.pools.words import health_check, texts


class RewriteRequestSchema(Strict):
    MODEL = RewriteRequest
    forwardfor = Flag()
    x_forwarded_port = Flag(data_key="xForwardedPort")
    x_forwarded_proto_https_if_tls = Flag(data_key="xForwardedProtoHttpsIfTls")
    set_host_header = Flag(data_key="setHostHeader")
    rewrite_path = Flag(data_key="rewritePath")


class RewriteResponseSchema(Strict):
    MODEL = RewriteResponse
    rewrite_location = Flag(data_key="rewriteLocation")
    rewrite_cookie_path = Flag(data_key="rewriteCookiePath")


class RewritePathSchema(Strict):
    MODEL = RewritePath
    from_path = Text(texts.path, data_key="fromPath")
    to_path = Text(texts.path, data_key="toPath")


_NOT_STICKY = StickySchema().dump(Sticky())


class RewriteHttpSchema(Strict):
    MODEL = RewriteHttp
    host = Text(texts.host_header, normal=texts.normal_host)
    path = nested(RewritePathSchema)
    sticky = nested(StickySchema)
    request = nested(RewriteRequestSchema)
    response = nested(RewriteResponseSchema)

    @post_dump
    def without_sticky(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        """What is switched off is absent: an empty object would switch it on."""
        return {key: value for key, value in data.items() if key != "sticky" or value != _NOT_STICKY}


class CustomCheckSchema(Strict):
    MODEL = CustomCheck
    httpchk = Flag()
    httpchk_misc_str = Text(health_check.request_problem, data_key="httpchkMiscStr")
    ssl_hello_chk = Flag(data_key="sslHelloChk")
    misc_str = Text(health_check.line_problem, data_key="miscStr")


class BackendSchema(Strict):
    MODEL = Backend
    MEANT = {"request": "rewriteHttp.request", "response": "rewriteHttp.response"}  # noqa: RUF012 - as above
    name = Text(texts.link_name, required=True)
    protocol = Choice(Protocol)
    balance = Text(texts.balance)
    http2 = Flag()
    tls = nested(ServerTlsSchema)
    rewrite_http = nested(RewriteHttpSchema, "rewriteHttp")
    custom_check = nested(CustomCheckSchema, "customCheck")
    minimum_servers = Whole(0, 60_000, data_key="minimumServers")
    clients = nested(ClientsSchema)
    basic_auth = nested(BasicAuthSchema, "basicAuth")
    request_headers = header_rules("requestHeaders")
    response_headers = header_rules("responseHeaders")
    timeouts = nested(TimeoutsSchema)
    retries = nested(RetriesSchema)
    misc_strs = RawLines(Place.BACKEND, data_key="miscStrs")
    services = Items(nested(ServiceSchema))
