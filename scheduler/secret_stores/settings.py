"""Which store there is, and what pools may have of it: from settings to the store itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scheduler.secret_stores import names
from scheduler.secret_stores.store import Store
from sdk.errors import InvalidSpec

if TYPE_CHECKING:  # imported for the stores that are asked over HTTP
    from scheduler.secret_stores.http import Http

_T = TypeVar("_T")

DIRECTORY = "secrets"
REFRESH, PATIENCE = 30.0, 3.0
KV_VERSIONS = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """The settings EDGELB_SECRET_... and EDGELB_AUTOCERT_CA; docs/reference/settings.md explains each."""

    store: str = "directory"
    directory: Path = Path(DIRECTORY)
    url: str | None = None
    ca: Path | None = None
    plain_http: bool = False
    token_file: Path | None = None
    account_file: Path | None = None
    role_id: str | None = None
    role_secret_file: Path | None = None
    mount: str | None = None
    kv_version: int = 2
    namespace: str = ""
    paths: tuple[str, ...] = names.DEFAULT_PATTERNS
    refresh: float = REFRESH
    patience: float = PATIENCE
    """Seconds in which a request to a server is tried again."""
    autocert_ca: Path | None = None
    """The authority that signs the certificates of instances."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SecretSettings":
        """As the variables say; one that is empty counts as not set. Raises InvalidSpec with the variable's name."""
        given = {name: text for name, text in environment.items() if name in VARIABLES and text}
        return cls(**{VARIABLES[name][0]: _read(name, text) for name, text in given.items()})

    def check(self) -> None:
        """Raise InvalidSpec with the option's name for what can never work."""
        if self.store not in KINDS:
            raise InvalidSpec("EDGELB_SECRET_STORE", f"{self.store!r} must be one of {', '.join(KINDS)}")
        for pattern in self.paths:
            if (rule := names.pattern_problem(pattern)) is not None:
                raise InvalidSpec("EDGELB_SECRET_PATHS", rule)
        if self.kv_version not in KV_VERSIONS:
            raise InvalidSpec("EDGELB_SECRET_KV_VERSION", f"{self.kv_version} must be 1 or 2")
        if not 1 <= self.refresh <= 86400:
            raise InvalidSpec("EDGELB_SECRET_REFRESH", "must be from 1 to 86400 seconds")


def _path(text: str) -> Path:
    return Path(text)


def _paths(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "no", "yes"):
        raise ValueError("must be 0 or 1")
    return text.lower() in ("1", "true", "yes")


VARIABLES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "EDGELB_SECRET_STORE": ("store", str),
    "EDGELB_SECRET_DIRECTORY": ("directory", _path),
    "EDGELB_SECRET_URL": ("url", str),
    "EDGELB_SECRET_CA": ("ca", _path),
    "EDGELB_SECRET_PLAIN_HTTP": ("plain_http", _flag),
    "EDGELB_SECRET_TOKEN_FILE": ("token_file", _path),
    "EDGELB_SECRET_ACCOUNT_FILE": ("account_file", _path),
    "EDGELB_SECRET_ROLE_ID": ("role_id", str),
    "EDGELB_SECRET_ROLE_SECRET_FILE": ("role_secret_file", _path),
    "EDGELB_SECRET_MOUNT": ("mount", str),
    "EDGELB_SECRET_KV_VERSION": ("kv_version", int),
    "EDGELB_SECRET_NAMESPACE": ("namespace", str),
    "EDGELB_SECRET_PATHS": ("paths", _paths),
    "EDGELB_SECRET_REFRESH": ("refresh", float),
    "EDGELB_AUTOCERT_CA": ("autocert_ca", _path),
}
"""The variables: which field each one is, and how it is read."""


def _read(variable: str, text: str) -> Any:
    try:
        return VARIABLES[variable][1](text)
    except ValueError as error:
        raise InvalidSpec(variable, f"{text!r:.80}: {error}") from error


def open_store(settings: SecretSettings) -> Store:
    """The store; raises InvalidSpec with the option's name for what is missing, cannot be read or does not fit.

    Asks nobody yet: a store that is away now may come.
    """
    settings.check()
    return KINDS[settings.store](settings)


def _directory(settings: SecretSettings) -> Store:
    from scheduler.secret_stores.directory import DirectoryStore

    return DirectoryStore(settings.directory)


def _environment(_settings: SecretSettings) -> Store:
    from scheduler.secret_stores.environment import EnvironmentStore

    return EnvironmentStore()


def _dcos(settings: SecretSettings) -> Store:
    from scheduler.secret_stores.dcos import DcosStore, Login, TokenFile

    http = _http(settings)
    login: Login
    if settings.account_file is not None:
        from scheduler.secret_stores.dcos_account import ServiceAccount

        login = ServiceAccount(settings.account_file)
    else:
        login = TokenFile(_needed(settings.token_file, "EDGELB_SECRET_TOKEN_FILE", settings))
    return DcosStore(http, store=settings.mount or "default", login=login)


def _vault(settings: SecretSettings) -> Store:
    from scheduler.secret_stores.vault import AppRole, Engine, Login, TokenFile, VaultStore

    http = _http(settings)
    login: Login
    if settings.role_id is not None:
        login = AppRole(
            settings.role_id, _needed(settings.role_secret_file, "EDGELB_SECRET_ROLE_SECRET_FILE", settings)
        )
    else:
        login = TokenFile(_needed(settings.token_file, "EDGELB_SECRET_TOKEN_FILE", settings))
    engine = Engine(mount=settings.mount or "secret", version=settings.kv_version, namespace=settings.namespace)
    return VaultStore(http, login, engine)


def _http(settings: SecretSettings) -> "Http":
    from scheduler.secret_stores.http import Http

    url = _needed(settings.url, "EDGELB_SECRET_URL", settings)
    return Http(url, ca=settings.ca, plain=settings.plain_http, patience=settings.patience)


KINDS: Mapping[str, Callable[[SecretSettings], Store]] = {
    "directory": _directory,
    "environment": _environment,
    "dcos": _dcos,
    "vault": _vault,
}


def _needed(value: _T | None, setting: str, settings: SecretSettings) -> _T:
    if value is None:
        raise InvalidSpec(setting, f"is needed for the store {settings.store!r}")
    return value
