"""What a process was started with, as the core needs it."""

from sdk.core.settings import Settings
from sdk.plugin import HostSettings


def core_settings_of(settings: HostSettings) -> Settings:
    """The core's settings; all others have their defaults."""
    return Settings(
        principal=settings.framework.principal,
        own_roles=frozenset(settings.framework.roles),
        # What is given up on a lost agent when it is replaced need not be waited for longer when it is removed.
        removal_patience=settings.replace_after,
        replacements_at_once=settings.replacements_at_once,
        destroy_volumes=settings.destroy_volumes,
    )
