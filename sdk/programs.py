"""Where the programs of the system are, such as daemons.

Debian puts daemons into directories that are on the PATH of root alone, and Mesos gives executors a PATH without them:
an ordinary user has them, and his shell does not find them.
"""

import os
import shutil

_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"


def find(name: str) -> str | None:
    """Path of a program on the PATH, else in the system's own directories; None when it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")
