"""Has the operator's authority sign what instances ask for, if there is one: it is read from a file, anew when that
changes, and what is wrong with it is said once.

Knows the file and the clock. Whose names are whose is told by the courier.
"""

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pool_executor.contract.secrets import SecretFile, SecretsQuestion

if TYPE_CHECKING:  # who has no authority needs none of it
    from scheduler.secret_delivery.authority import Authority

_log = structlog.get_logger()

_FILE = "autocert.pem"
"""What an answer is called; there is one."""
_MOST_BYTES = 128 * 1024


class Certification:
    """Of one process; used by one thread."""

    def __init__(self, file: Path | None) -> None:
        """`file`: in PEM, the certificates of the authority and its key; None: there is none."""
        self._file = file
        self._authority: Authority | None = None
        self._trouble: str | None = None
        self._read_of: object = None
        """What the file was like when it was read."""
        self._sum = ""
        self._said: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is to be an authority."""
        return self._file is not None

    @property
    def trouble(self) -> str | None:
        """What keeps it from signing, as a sentence; None before it was looked."""
        return self._trouble

    @property
    def state(self) -> str:
        """A word for what an answer depends on: another word, and instances have to ask."""
        return f"{self._sum} {self._trouble or ''}"

    def look(self, *, quiet: bool = False) -> bool:
        """Read the file if it is another one; whether answers may be others now. `quiet`: nothing is logged."""
        if self._file is None:
            return False
        before = self.state
        try:
            self._read(self._file)
            self._check()
        except OSError as error:
            self._be_without(_sentence(self._file, error.strerror or str(error)))
        if self._trouble != self._said and not quiet:
            self._say()
        return self.state != before

    def forget(self) -> None:
        """Another process is in charge, and this one needs no key."""
        self._authority, self._read_of, self._sum, self._trouble, self._said = None, None, "", None, None

    def answer(self, question: SecretsQuestion, names: Sequence[str], executor_id: str) -> SecretFile | None:
        """What an instance with these names is to have; None when nobody signs anything here."""
        if self._file is None or question.request is None:
            return None
        if self._read_of is None:
            self.look()
        if self._authority is None or self._trouble is not None:
            return SecretFile(file=_FILE, trouble=self._trouble)
        from scheduler.secret_delivery import signing

        now, known = datetime.datetime.now(tz=datetime.UTC), signing.names_of(names)
        try:
            key = signing.asked(question.request, known)
        except signing.Refused as error:
            _log.warning("The certificate of an instance was not signed", executor_id=executor_id, why=str(error))
            return SecretFile(file=_FILE, trouble=str(error))
        if question.chain is not None and signing.is_as_good(question.chain, self._authority, key, known, now):
            return SecretFile(file=_FILE, same=True)
        signed = signing.sign(self._authority, key, known, now)
        _log.info("The certificate of an instance was signed", executor_id=executor_id, names=list(names))
        return SecretFile(file=_FILE, data=signed)

    def _read(self, file: Path) -> None:
        from scheduler.secret_delivery import authority

        found = file.stat()
        like = found.st_mtime_ns, found.st_size, found.st_ino
        if like == self._read_of:
            return
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        self._read_of, self._sum, self._trouble = like, hashlib.sha256(data).hexdigest(), None
        try:
            if len(data) > _MOST_BYTES:
                raise authority.Unusable(f"it has more than {_MOST_BYTES} bytes")
            self._authority = authority.read(data)
        except authority.Unusable as error:
            self._authority, self._trouble = None, _sentence(file, error)

    def _check(self) -> None:
        from scheduler.secret_delivery.authority import Unusable

        if self._authority is None:
            return
        try:
            self._authority.check(datetime.datetime.now(tz=datetime.UTC))
            self._trouble = None
        except Unusable as error:
            self._trouble = _sentence(self._file, error)

    def _be_without(self, trouble: str) -> None:
        self._authority, self._read_of, self._sum, self._trouble = None, None, "", trouble

    def _say(self) -> None:
        self._said = self._trouble
        if self._trouble is not None:
            _log.error("Certificates of load balancers cannot be signed", why=self._trouble)
        else:
            _log.info("Certificates of load balancers can be signed again", file=str(self._file))


def _sentence(file: Path | None, why: object) -> str:
    return f"the authority in {file} (EDGELB_AUTOCERT_CA) cannot be used: {why}"
