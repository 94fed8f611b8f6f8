"""The V2 form of what listens."""

from typing import Any

from marshmallow import post_load

from scheduler.pools.fields import Choice, Items, Strict, Text, Whole, nested
from scheduler.pools.model import DEFAULT_ADDRESS, Frontend, Protocol, Stats
from scheduler.pools.raw import Place, bind_problem
from scheduler.pools.schema.answers import CompressionSchema, ErrorPageSchema
from scheduler.pools.schema.basic_auth import BasicAuthSchema
from scheduler.pools.schema.certificate import CertificateHostsSchema
from scheduler.pools.schema.clients import AcceptProxySchema, ClientsSchema
from scheduler.pools.schema.headers import HstsSchema, header_rules
from scheduler.pools.schema.limits import FrontendTimeoutsSchema, LimitsSchema
from scheduler.pools.schema.link import LinkBackendSchema
from scheduler.pools.schema.raw import RawLines
from scheduler.pools.schema.redirect import RedirectSchema, RedirectToHttpsSchema
from scheduler.pools.schema.tls import FrontendTlsSchema
from scheduler.pools.words import file_names, texts


class FrontendSchema(Strict):
    name = Text(texts.link_name)
    bind_address = Text(texts.bind_address, data_key="bindAddress", normal=texts.normal_bind)
    bind_port = Whole(0, 65535, data_key="bindPort")
    limits = nested(LimitsSchema)
    timeouts = nested(FrontendTimeoutsSchema)
    redirects = Items(nested(RedirectSchema))
    basic_auth = nested(BasicAuthSchema, "basicAuth")
    request_headers = header_rules("requestHeaders")
    response_headers = header_rules("responseHeaders")
    hsts = nested(HstsSchema)  # even `{}` switches it on
    compression = nested(CompressionSchema)  # even `{}` switches it on
    error_pages = Items(nested(ErrorPageSchema), data_key="errorPages")
    bind_modifier = Text(bind_problem, data_key="bindModifier", normal=str.strip)
    certificates = Items(Text(file_names.certificate, required=True))
    certificate_hosts = Items(nested(CertificateHostsSchema), data_key="certificateHosts")
    tls = nested(FrontendTlsSchema)
    clients = nested(ClientsSchema)
    accept_proxy = nested(AcceptProxySchema, "acceptProxy")  # even `{}` switches it on
    redirect_to_https = nested(RedirectToHttpsSchema, "redirectToHttps")  # even `{}` switches it on
    misc_strs = RawLines(Place.FRONTEND, data_key="miscStrs")
    protocol = Choice(Protocol, why_not={"UDP": "HAProxy forwards no datagrams"})
    link_backend = nested(LinkBackendSchema, "linkBackend")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """A frontend without a name is called after its address and port."""
        kept = super().make(data)
        kept.setdefault(
            "name", Frontend.default_name(kept.get("bind_address", DEFAULT_ADDRESS), kept.get("bind_port", 0))
        )
        return Frontend(**kept)


class StatsSchema(Strict):
    MODEL = Stats
    bind_address = Text(texts.bind_address, data_key="bindAddress", normal=texts.normal_bind)
    bind_port = Whole(0, 65535, data_key="bindPort")
