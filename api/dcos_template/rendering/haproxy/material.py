"""The files of an instance that a configuration names."""

from pool_executor.contract import AUTOCERT_FILE, ENVFILE, SECRETS, SYSTEM_FILE
from scheduler.pools.model import AUTOCERT, SYSTEM
from scheduler.pools.model import ENVFILE as ENVFILE_WORD
from scheduler.pools.model import SECRETS as SECRETS_WORD

_ALONE = {AUTOCERT: AUTOCERT_FILE, SYSTEM: SYSTEM_FILE}


def file_of(word: str) -> str:
    """The name of the contract for a pool's; of what is no file a name that it refuses."""
    if word in _ALONE:
        return _ALONE[word]
    for prefix, source in ((SECRETS_WORD, SECRETS), (ENVFILE_WORD, ENVFILE)):
        if word.startswith(prefix):
            return f"{source}/{word.removeprefix(prefix)}"
    return word
