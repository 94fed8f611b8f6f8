"""Which commands and containers the master refuses in tasks and executors, and with which words.

Knows variables, secrets and volumes; knows no tasks.
"""

from sdk.local.core.wire import Json

# What a volume's source must have, by its type.
_SOURCES = {
    "DOCKER_VOLUME": ("docker_volume", "DOCKER_VOLUME volume"),
    "HOST_PATH": ("host_path", "HOST_PATH volume"),
    "SANDBOX_PATH": ("sandbox_path", "SANDBOX_PATH volume"),
    "SECRET": ("secret", "SECRET volume"),
    "CSI_VOLUME": ("csi_volume", "CSI volume"),
}


def command_problem(command: Json) -> str | None:
    """Why a CommandInfo is refused, or None."""
    for variable in command.get("environment", {}).get("variables", ()):
        name = f"Environment variable '{variable['name']}'"
        match variable.get("type", "VALUE"):
            case "SECRET":
                if "secret" not in variable:
                    return f"{name} of type 'SECRET' must have a secret set"
                if "value" in variable:
                    return f"{name} of type 'SECRET' must not have a value set"
                if why := _secret_problem(variable["secret"]):
                    return f"{name} specifies an invalid secret: {why}"
            case "VALUE":
                if "value" not in variable:
                    return f"{name} of type 'VALUE' must have a value set"
                if "secret" in variable:
                    return f"{name} of type 'VALUE' must not have a secret set"
            case _:
                return "Environment variable of type 'UNKNOWN' is not allowed"
    return None


def _secret_problem(secret: Json) -> str | None:
    match secret.get("type"):
        case "REFERENCE":
            if "reference" not in secret:
                return "Secret of type REFERENCE must have the 'reference' field set"
            if "value" in secret:
                return "Secret of type REFERENCE must not have the 'value' field set"
        case "VALUE":
            if "value" not in secret:
                return "Secret of type VALUE must have the 'value' field set"
            if "reference" in secret:
                return "Secret of type VALUE must not have the 'reference' field set"
    return None


def container_problem(container: Json) -> str | None:
    """Why a ContainerInfo is refused, or None."""
    for volume in container.get("volumes", ()):
        if why := _volume_problem(volume):
            return f"Invalid volume: {why}"
    if container["type"] == "DOCKER":
        if "docker" not in container:
            return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
        if any(item.get("key") == "name" for item in container["docker"].get("parameters", ())):
            return "Parameter in DockerInfo must not be 'name'"
    return None


def _volume_problem(volume: Json) -> str | None:
    if sum(name in volume for name in ("host_path", "image", "source")) != 1:
        return "Only one of them should be set: 'host_path', 'image' and 'source'"
    source: Json | None = volume.get("source")
    if source is None:
        return None
    wanted = _SOURCES.get(source.get("type", ""))
    if wanted is None:
        return "'source.type' is unknown"
    field, what = wanted
    return None if field in source else f"'source.{field}' is not set for {what}"
