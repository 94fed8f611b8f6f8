"""Secrets come from files: others can see command lines, and environments are printed and inherited."""

from pathlib import Path

from sdk.errors import InvalidSpec

_LONGEST = 64 * 1024


def read_secret(path: str | Path, setting: str) -> str:
    """The content without the line break at its end; raises InvalidSpec with the setting's name."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LONGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSpec(setting, f"{path} cannot be read: {reason}") from error
    secret = text.rstrip("\r\n")
    if not secret or len(secret) > _LONGEST or any(character in secret for character in "\r\n\0"):
        raise InvalidSpec(setting, f"{path} must hold the secret on one line and nothing else")
    return secret
