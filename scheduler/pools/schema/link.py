"""The V2 form of where frontends send their traffic."""

from scheduler.pools import texts
from scheduler.pools.fields import Items, NotYet, Strict, Text, nested
from scheduler.pools.model import LinkBackend, MapRule


class MapRuleSchema(Strict):
    MODEL = MapRule
    backend = Text(texts.link_name, required=True)
    host_eq = Text(texts.host_eq, normal=texts.normal_host, data_key="hostEq")
    path_beg = Text(texts.path, data_key="pathBeg")
    hostReg = NotYet("")  # noqa: N815 - the JSON name
    pathEnd = NotYet("")  # noqa: N815 - the JSON name
    pathReg = NotYet("")  # noqa: N815 - the JSON name


class LinkBackendSchema(Strict):
    MODEL = LinkBackend
    default_backend = Text(texts.link_name, data_key="defaultBackend")
    map = Items(nested(MapRuleSchema))
