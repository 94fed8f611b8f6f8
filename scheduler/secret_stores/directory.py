"""Secrets in files: a folder of the operator's own, or one that a platform fills, as DC/OS does for its tasks."""

import os
import stat
from pathlib import Path

from scheduler.secret_stores.store import MOST_BYTES, Denied, NoSecret, StoreAway, usable


class DirectoryStore:
    """The file `a/b` of the folder is the secret `a/b`."""

    def __init__(self, directory: Path) -> None:
        """It need not be there yet."""
        self._directory = directory.absolute()
        self.name = f"the folder {self._directory}"

    def read(self, secret: str) -> bytes:
        """See `Store`. Links are followed as long as they stay in the folder: whoever fills it may swap them."""
        self.check()
        path = self._directory / secret
        try:
            if not path.resolve(strict=True).is_relative_to(self._directory.resolve()):
                raise Denied(f"{secret} leads out of {self.name}")
            # A pipe without a writer would keep us waiting when it is opened.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise NoSecret(f"{secret} in {self.name} is no file")
                with open(descriptor, "rb", closefd=False) as file:
                    value = file.read(MOST_BYTES + 1)
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoSecret(f"{secret} is not in {self.name}") from error
        except PermissionError as error:
            raise Denied(f"{secret} in {self.name} cannot be read by this process: {error.strerror}") from error
        except OSError as error:
            raise StoreAway(f"{secret} in {self.name} cannot be read: {error.strerror}") from error
        return usable(value, secret, self.name)

    def check(self) -> None:
        """See `Store`."""
        try:
            with os.scandir(self._directory):
                return
        except OSError as error:
            raise StoreAway(f"{self.name} cannot be read: {error.strerror}") from error
