"""The flags that a master shows: those that have a meaning here with their values, the others as the real one has them
by default, for clients and pages that look for them.
"""

import json

from sdk.local.core.model import MasterConfig

_DEFAULTS = {
    "allocator": "hierarchical",
    "allocator_agent_recovery_factor": "0.8",
    "allocator_recovery_timeout": "10mins",
    "authenticate_agents": "false",
    "authenticate_frameworks": "false",
    "authentication_v0_timeout": "15secs",
    "authenticators": "crammd5",
    "authorizers": "local",
    "filter_gpu_resources": "true",
    "framework_sorter": "drf",
    "help": "false",
    "hostname_lookup": "false",
    "http_authenticators": "basic",
    "initialize_driver_logging": "true",
    "log_auto_initialize": "true",
    "logbufsecs": "0",
    "logging_level": "INFO",
    "memory_profiling": "false",
    "min_allocatable_resources": "cpus:0.01|mem:32",
    "offer_constraints_re2_max_mem": "4KB",
    "offer_constraints_re2_max_program_size": "100",
    "publish_per_framework_metrics": "true",
    "quiet": "false",
    "recovery_agent_removal_limit": "100%",
    "registry": "replicated_log",
    "registry_fetch_timeout": "1mins",
    "registry_gc_interval": "15mins",
    "registry_max_agent_age": "2weeks",
    "registry_max_agent_count": "102400",
    "registry_store_timeout": "20secs",
    "registry_strict": "false",
    "require_agent_domain": "false",
    "role_sorter": "drf",
    "root_submissions": "true",
    "version": "false",
}
_UNITS = (("weeks", 604800), ("days", 86400), ("hrs", 3600), ("mins", 60), ("secs", 1))


def duration(seconds: float) -> str:
    """A duration in the largest unit that divides it, as Mesos prints it."""
    for unit, size in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}secs"


def without_secret(url: str) -> str:
    """A ZooKeeper URL as everybody may read it; what is none stays as it is."""
    scheme, mark, rest = url.partition("://")
    name, at, hosts = rest.rpartition("@")
    return f"{scheme}{mark}{name.partition(':')[0]}:***@{hosts}" if at else url


def flags(config: MasterConfig) -> dict[str, str]:
    """All flags by name."""
    authenticate = str(config.authenticate).lower()
    own = {
        "agent_ping_timeout": duration(config.agent_ping_timeout),
        "agent_reregister_timeout": duration(config.agent_reregister_timeout),
        "allocation_interval": duration(config.allocation_interval),
        "authenticate_http_frameworks": authenticate,
        "authenticate_http_readonly": authenticate,
        "authenticate_http_readwrite": authenticate,
        "hostname": config.hostname,
        "ip": config.ip,
        "max_agent_ping_timeouts": str(config.max_agent_ping_timeouts),
        "max_completed_frameworks": str(config.max_completed_frameworks),
        "max_completed_tasks_per_framework": str(config.max_completed_tasks),
        "max_operator_event_stream_subscribers": str(config.max_operators),
        "max_unreachable_tasks_per_framework": str(config.max_unreachable_tasks),
        "port": str(config.port),
        "webui_dir": config.webui_dir,
        "zk_session_timeout": duration(config.zk_session_timeout),
    }
    if config.acls is not None:
        own["acls"] = json.dumps(config.acls.document, separators=(",", ":"))
    if config.zk is not None:
        own["zk"] = without_secret(config.zk)
    if config.quorum is not None:
        own["quorum"] = str(config.quorum)
    if config.domain is not None:
        own["domain"] = json.dumps(config.domain, separators=(",", ":"))
    if config.log_dir is not None:
        own |= {"log_dir": config.log_dir, "work_dir": config.log_dir}
    return dict(sorted((_DEFAULTS | own).items()))
