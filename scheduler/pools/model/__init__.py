"""The pool as frozen values: what the operator wishes, every default filled in.

Knows the shape of a pool and its defaults. Does not know JSON (schema), rules across objects (checks), Mesos or
HAProxy's syntax.

A `Pool` made by schema.load_pool went through both: names are safe as path segments and HAProxy names, frontends have
distinct names none of which is `stats`, backends have distinct names, every referenced backend exists and has the mode
of its frontend, no text holds line breaks or quotes, hosts are lower case, patterns are RE2's. One that comes from
ZooKeeper was under the rules of the release that stored it: whoever makes something of a text checks what he needs.
"""

from scheduler.pools.model.asked import Asked
from scheduler.pools.model.backend import Backend, CustomCheck
from scheduler.pools.model.connecting import ServerTls
from scheduler.pools.model.frontend import DEFAULT_ADDRESS, Frontend, Stats
from scheduler.pools.model.link import LinkBackend, MapRule
from scheduler.pools.model.material import AUTOCERT, ENVFILE, FILE_PREFIX, SECRETS, SYSTEM, EnvironmentVariable, Secret
from scheduler.pools.model.names import (
    EXPORTER,
    LBMGR_BACKEND,
    LBMGR_HTTP,
    MADE,
    POOL_LABEL,
    RESERVED_NAMES,
    STATS_PORT_NAME,
)
from scheduler.pools.model.network import NetworkLabel, VirtualNetwork
from scheduler.pools.model.pool import DEFAULT_CONSTRAINTS, ApiVersion, Haproxy, HealthCheck, Pool, PoolType, Revision
from scheduler.pools.model.protocol import Protocol
from scheduler.pools.model.relaunch import Relaunch
from scheduler.pools.model.retries import Method, Retries, RetryOn
from scheduler.pools.model.rewrite import RewriteHttp, RewritePath, RewriteRequest, RewriteResponse
from scheduler.pools.model.service import (
    Check,
    Endpoint,
    EndpointType,
    MarathonSelector,
    MesosSelector,
    ProxyProtocol,
    Service,
)
from scheduler.pools.model.sticky import Sticky
from scheduler.pools.model.timeouts import Timeouts
from scheduler.pools.model.tls import ClientCertificates, ClientVerify, FrontendTls, TlsPolicy

__all__ = [
    "AUTOCERT",
    "DEFAULT_ADDRESS",
    "DEFAULT_CONSTRAINTS",
    "ENVFILE",
    "EXPORTER",
    "FILE_PREFIX",
    "LBMGR_BACKEND",
    "LBMGR_HTTP",
    "MADE",
    "POOL_LABEL",
    "RESERVED_NAMES",
    "SECRETS",
    "STATS_PORT_NAME",
    "SYSTEM",
    "ApiVersion",
    "Asked",
    "Backend",
    "Check",
    "ClientCertificates",
    "ClientVerify",
    "CustomCheck",
    "Endpoint",
    "EndpointType",
    "EnvironmentVariable",
    "Frontend",
    "FrontendTls",
    "Haproxy",
    "HealthCheck",
    "LinkBackend",
    "MapRule",
    "MarathonSelector",
    "MesosSelector",
    "Method",
    "NetworkLabel",
    "Pool",
    "PoolType",
    "Protocol",
    "ProxyProtocol",
    "Relaunch",
    "Retries",
    "RetryOn",
    "Revision",
    "RewriteHttp",
    "RewritePath",
    "RewriteRequest",
    "RewriteResponse",
    "Secret",
    "ServerTls",
    "Service",
    "Stats",
    "Sticky",
    "Timeouts",
    "TlsPolicy",
    "VirtualNetwork",
]
