"""The V2 form of where frontends send their traffic."""

from scheduler.pools import expression
from scheduler.pools.fields import Items, Strict, Text, nested
from scheduler.pools.model import LinkBackend, MapRule
from scheduler.pools.schema.asked import AskedCookieSchema, AskedHeaderSchema, asked
from scheduler.pools.words import texts


class MapRuleSchema(Strict):
    MODEL = MapRule
    backend = Text(texts.link_name, required=True)
    host_eq = Text(texts.host_eq, normal=texts.normal_host, data_key="hostEq")
    hosts_eq = Items(Text(texts.host_eq, normal=texts.normal_host, required=True), data_key="hostsEq")
    host_reg = Text(expression.problem, data_key="hostReg")
    path_beg = Text(texts.path, data_key="pathBeg")
    path_end = Text(texts.path_end, data_key="pathEnd")
    path_reg = Text(expression.problem, data_key="pathReg")
    headers = asked(AskedHeaderSchema)
    cookies = asked(AskedCookieSchema)


class LinkBackendSchema(Strict):
    MODEL = LinkBackend
    default_backend = Text(texts.link_name, data_key="defaultBackend")
    map = Items(nested(MapRuleSchema))
