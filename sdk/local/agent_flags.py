"""What an agent says about its flags in /flags, /state and GET_FLAGS: all that a real one says, so that whoever reads
them finds each of them.

Flags that this agent has are shown with their values, the others with the defaults of the real agent; those have no
effect here, and cannot be given.
"""

import argparse
from pathlib import Path

from sdk.local.core.executors import duration
from sdk.local.core.master_flags import without_secret
from sdk.local.isolation import size

# As recorded from an agent of 1.12 without such flags.
_ELSEWHERE: dict[str, str] = {
    "appc_simple_discovery_uri_prefix": "http://",
    "appc_store_dir": "/tmp/mesos/store/appc",  # noqa: S108 - only shown
    "authenticate_http_executors": "false",
    "authenticate_http_readonly": "false",
    "authenticate_http_readwrite": "false",
    "authenticatee": "crammd5",
    "authentication_backoff_factor": "1secs",
    "authentication_timeout_max": "1mins",
    "authentication_timeout_min": "5secs",
    "authorizer": "local",
    "cgroups_cpu_enable_pids_and_tids_count": "false",
    "cgroups_destroy_timeout": "1mins",
    "cgroups_enable_cfs": "false",
    "cgroups_hierarchy": "/sys/fs/cgroup",
    "cgroups_limit_swap": "false",
    "containerizers": "mesos",
    "default_role": "*",
    "disallow_sharing_agent_ipc_namespace": "false",
    "disallow_sharing_agent_pid_namespace": "false",
    "disk_watch_interval": "1mins",
    "docker": "docker",
    "docker_ignore_runtime": "false",
    "docker_kill_orphans": "true",
    "docker_registry": "https://registry-1.docker.io",
    "docker_remove_delay": "6hrs",
    "docker_socket": "/var/run/docker.sock",
    "docker_stop_timeout": "0ns",
    "docker_store_dir": "/tmp/mesos/store/docker",  # noqa: S108 - only shown
    "docker_volume_checkpoint_dir": "/var/run/mesos/isolators/docker/volume",
    "docker_volume_chown": "false",
    "frameworks_home": "",
    "gc_delay": "1weeks",
    "gc_disk_headroom": "0.1",
    "gc_non_executor_container_sandboxes": "false",
    "help": "false",
    "hostname_lookup": "false",
    "http_command_executor": "false",
    "http_executor_domain_sockets": "false",
    "http_heartbeat_interval": "30secs",
    "initialize_driver_logging": "true",
    "launcher": "posix",
    "logbufsecs": "0",
    "logging_level": "INFO",
    "memory_profiling": "false",
    "network_cni_metrics": "true",
    "network_cni_root_dir_persist": "false",
    "oversubscribed_resources_interval": "15secs",
    "perf_duration": "10secs",
    "perf_interval": "1mins",
    "qos_correction_interval_min": "0ns",
    "quiet": "false",
    "reconfiguration_policy": "equal",
    "recover": "reconnect",
    "registration_backoff_factor": "1secs",
    "revocable_cpu_low_priority": "true",
    "sandbox_directory": "/mnt/mesos/sandbox",
    "strict": "true",
    "systemd_enable_support": "false",
    "systemd_runtime_directory": "/run/systemd/system",
    "version": "false",
    "zk_session_timeout": "10secs",
}

_AUTHENTICATE = ("authenticate_http_readonly", "authenticate_http_readwrite")


def shown_flags(options: argparse.Namespace, max_completed: int) -> dict[str, str]:
    """The flags as /flags and /state print them, by name."""

    def shown(name: str, value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return duration(value)
        return size(value) if name.endswith("_size") and isinstance(value, int) else without_secret(str(value))

    own = {name: shown(name, value) for name, value in vars(options).items() if value is not None}
    own |= dict.fromkeys(_AUTHENTICATE, shown("", "http_credentials" in own))
    own["switch_user"] = shown("switch_user", own.pop("no_switch_user", "false") != "true")
    work_dir = Path(own.get("work_dir", "/"))
    own |= {
        "fetcher_cache_dir": str(work_dir / "fetch"),
        "launcher_dir": str(Path(__file__).parent),
        "log_dir": str(work_dir),
        "max_completed_executors_per_framework": str(max_completed),
        "runtime_dir": str(work_dir / "meta"),
    }
    return dict(sorted((_ELSEWHERE | own).items()))
