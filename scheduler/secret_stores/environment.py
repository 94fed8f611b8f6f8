"""Secrets in environment variables of the scheduler's process, where a platform hands them over that way."""

import os
import re
from collections.abc import Mapping

from scheduler.secret_stores.store import NoSecret, usable

PREFIX = "EDGELB_SECRET_VALUE_"


#: A part of a name as it stands in a variable, where two underscores are a slash.
_PART = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)*")


class EnvironmentStore:
    """The variable `EDGELB_SECRET_VALUE_WEB__CERT_PEM` is the secret `web/cert.pem`, and others that look alike.

    None of them is in another folder: from which folders a pool may read is settled by names.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self.name = f"the environment of the scheduler ({PREFIX}...)"

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        parts = [re.sub(r"[^A-Z0-9]", "_", part) for part in secret.upper().split("/")]
        if not all(map(_PART.fullmatch, parts)):
            raise NoSecret(f"{secret} cannot be in {self.name}: its words must be joined by single dots, dashes or _")
        variable = PREFIX + "__".join(parts)
        value = self._environment.get(variable)
        if value is None:
            raise NoSecret(f"{secret} is not there: the scheduler has no variable {variable}")
        return usable(value.encode("utf-8", "surrogateescape"), secret, self.name)

    def check(self) -> None:
        """See `Store`: an environment is always there."""
