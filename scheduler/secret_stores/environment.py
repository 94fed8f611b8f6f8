"""Secrets in environment variables of the scheduler's process, where a platform hands them over that way."""

import os
import re
from collections.abc import Mapping

from scheduler.secret_stores.store import NoSecret, usable

PREFIX = "EDGELB_SECRET_VALUE_"


class EnvironmentStore:
    """The variable `EDGELB_SECRET_VALUE_WEB_CERT_PEM` is the secret `web/cert.pem`, and others that look alike."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self.name = f"the environment of the scheduler ({PREFIX}...)"

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        variable = PREFIX + re.sub(r"[^A-Z0-9]", "_", secret.upper())
        value = self._environment.get(variable)
        if value is None:
            raise NoSecret(f"{secret} is not there: the scheduler has no variable {variable}")
        return usable(value.encode("utf-8", "surrogateescape"), secret, self.name)

    def check(self) -> None:
        """See `Store`: an environment is always there."""
