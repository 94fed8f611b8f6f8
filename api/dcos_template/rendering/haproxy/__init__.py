"""The HAProxy configuration of a pool as frozen values.

Knows what each value may hold: a model that exists can be printed without escaping, because everything that came from
people is checked here against a grammar without spaces, quotes, `$`, `#`, backslashes and line breaks. That the API
checked the same before is no reason to trust it: ZooKeeper lies between. Does not know the text's form (text.py) nor
how the values come about (build).
"""

from api.dcos_template.rendering.haproxy.backend import Backend
from api.dcos_template.rendering.haproxy.bind import Bind
from api.dcos_template.rendering.haproxy.config import Config
from api.dcos_template.rendering.haproxy.cookie import Cookie
from api.dcos_template.rendering.haproxy.frontend import RELAYED, RELAYED_TLS, STATS_SECTION, Frontend
from api.dcos_template.rendering.haproxy.grammar import Mode
from api.dcos_template.rendering.haproxy.raw import RawFrontend
from api.dcos_template.rendering.haproxy.routing import Attempt, MapFile, Routing
from api.dcos_template.rendering.haproxy.tls import Tls

__all__ = [
    "RELAYED",
    "RELAYED_TLS",
    "STATS_SECTION",
    "Attempt",
    "Backend",
    "Bind",
    "Config",
    "Cookie",
    "Frontend",
    "MapFile",
    "Mode",
    "RawFrontend",
    "Routing",
    "Tls",
]
