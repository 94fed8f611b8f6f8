"""Rules for files that an instance is given, and for variables of its environment. Pure.

As in texts.py, each is a function from the text to the rule that it breaks, or None.
"""

import re

from scheduler.pools.model.material import AUTOCERT, ENVFILE, FILE_PREFIX, SECRETS, SYSTEM
from scheduler.secret_stores import names as secret_names

FORMS = f"{SECRETS}<file of a secret>, {ENVFILE}{FILE_PREFIX}<NAME> or {AUTOCERT}"

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
#: What HAProxy, its loader or lbmgr itself would take for something else.
_TAKEN = re.compile(
    r"(LD_|DYLD_|GCONV|MALLOC|GLIBC|LIBPROCESS_|MESOS_|PYTHON|HAPROXY_|OPENSSL_|SSL_|LUA_|PORT_|EDGELB_)\w*"
    r"|PATH|HOME|IFS|SHELL|LANG|TZ|MAPS|SOCKETS|STATE|INSTANCE|CONNECTIONS|CERTS|SECRETS|ENVFILE|AUTOCERT|NOTIFY_SOCKET"
)


def file_name(text: str) -> str | None:
    """Name of a file in one directory."""
    return None if _FILE.fullmatch(text) else "must be a file name of letters, digits, _ . and -, at most 128"


def secret(text: str) -> str | None:
    """Name of a secret in its store; DC/OS lets a slash stand in front."""
    return secret_names.problem(secret_names.plain(text))


def certificate(text: str) -> str | None:
    """A certificate with its key, by the file in which it is."""
    if text == AUTOCERT:
        return None
    return other_file(text) and f"must be {FORMS}"


def authorities(text: str) -> str | None:
    """Certificates by which those of servers are judged."""
    if text == SYSTEM:
        return None
    return other_file(text) and f"must be {SECRETS}<file of a secret>, {ENVFILE}{FILE_PREFIX}<NAME> or {SYSTEM}"


def other_file(text: str) -> str | None:
    """A file of another kind."""
    if text.startswith(SECRETS):
        named = file_name(text.removeprefix(SECRETS)) is None
    else:
        name = text.removeprefix(ENVFILE)
        named = text.startswith(ENVFILE) and name.startswith(FILE_PREFIX) and variable(name) is None
    return None if named else f"must be {SECRETS}<file of a secret> or {ENVFILE}{FILE_PREFIX}<NAME>"


def variable(text: str) -> str | None:
    """Name of a variable that a pool may set."""
    if not _VARIABLE.fullmatch(text):
        return "must be a name of letters, digits and _, not beginning with a digit, at most 128 characters"
    if _TAKEN.fullmatch(text):
        return "is a variable that load balancers need for themselves; choose another name"
    return None
