"""What an instance is given beside its configuration: secrets as files, and variables of its environment.

Files are named as HAProxy's configuration would name them: `$SECRETS/<file>`, `$ENVFILE/<NAME>` and `$AUTOCERT`; and
`$SYSTEM` for the authorities that the instance's machine trusts.
"""

from dataclasses import dataclass

AUTOCERT, SYSTEM = "$AUTOCERT", "$SYSTEM"
SECRETS, ENVFILE = "$SECRETS/", "$ENVFILE/"
#: How the name of a variable begins that is written to a file, in the directory `$ENVFILE`.
FILE_PREFIX = "ELB_FILE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret of the store, and the name of its file in the directory `$SECRETS`."""

    secret: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EnvironmentVariable:
    """A variable of the load balancers' environment; its value may be a key."""

    name: str
    value: str

    @property
    def is_file(self) -> bool:
        """Whether it is written to a file, and not given to HAProxy as a variable."""
        return self.name.startswith(FILE_PREFIX)

    def __repr__(self) -> str:
        return f"EnvironmentVariable(name={self.name!r})"
