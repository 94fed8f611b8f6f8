"""What `edgelb doctor` says about the store of secrets, and about the authority that signs the certificates of load
balancers: those that the scheduler would use with these settings.
"""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from api.cli.finding import FAIL, OK, WARN, Finding
from scheduler.secret_stores import SecretProblem
from scheduler.secret_stores.settings import SecretSettings, open_store
from sdk.errors import InvalidSpec

_SUBJECT, _AUTHORITY = "secrets", "certificates"


def check_secrets(environment: Mapping[str, str]) -> Finding:
    """Whether the store answers and lets us in. No secret is read."""
    try:
        settings = SecretSettings.from_environment(environment)
        store = open_store(settings)
    except InvalidSpec as error:
        advice = "set it for the scheduler, and in this shell to have it checked"
        return Finding(level=FAIL, subject=_SUBJECT, seen=str(error), advice=advice)
    if settings.store == "directory":
        return _folder(settings)
    try:
        store.check()
    except SecretProblem as error:
        advice = "pools keep the secrets that they have; new ones wait until it answers"
        return Finding(level=FAIL, subject=_SUBJECT, seen=str(error), advice=advice)
    return Finding(level=OK, subject=_SUBJECT, seen=f"{store.name} answers")


def _folder(settings: SecretSettings) -> Finding:
    folder = settings.directory.absolute()
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        seen = f"the folder {folder} is not there, so that no pool can have secrets"
        return Finding(level=OK, subject=_SUBJECT, seen=seen)
    except OSError as error:
        return _unreadable(str(folder), str(error.strerror))
    if mode & (stat.S_IROTH | stat.S_IXOTH):
        seen = f"everybody on this machine can look into {folder}"
        return Finding(level=WARN, subject=_SUBJECT, seen=seen, advice=f"chmod 700 {folder}")
    try:
        open_store(settings).check()
    except SecretProblem as error:
        return _unreadable(str(folder), str(error))
    return Finding(level=OK, subject=_SUBJECT, seen=f"{folder} can be read")


def _unreadable(folder: str, why: str) -> Finding:
    advice = "let the user of the scheduler read it, or name another one with EDGELB_SECRET_DIRECTORY"
    return Finding(level=FAIL, subject=_SUBJECT, seen=f"{folder} cannot be read: {why}", advice=advice)


def check_authority(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether certificates of load balancers can be signed; nothing where they sign themselves."""
    name = environment.get("EDGELB_AUTOCERT_CA")
    if not name:
        return
    from scheduler.secret_delivery.certification import Certification  # loads much, and few name one

    file = Path(name)
    probe = Certification(file)
    probe.look(quiet=True)
    if probe.trouble is not None:
        advice = "load balancers go on with the certificates that they have, new ones sign theirs themselves"
        yield Finding(level=FAIL, subject=_AUTHORITY, seen=probe.trouble, advice=advice)
    elif file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        seen = f"others on this machine can read the key of the authority in {file}"
        yield Finding(level=WARN, subject=_AUTHORITY, seen=seen, advice=f"chmod 600 {file}")
    else:
        yield Finding(level=OK, subject=_AUTHORITY, seen=f"the authority in {file} can sign")
