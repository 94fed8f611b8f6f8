"""The certificate of the instance itself, `$AUTOCERT`: its key, and the certificate for it that is served.

That is the one which an authority of the operator's has signed, as long as there is one that is good, and the one that
signs itself otherwise: no listener waits for the authority. The key is made here and goes to the files of HAProxy only.
Does not know how the authority is asked, nor when HAProxy takes up what is new.
"""

import datetime
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from pool_executor.contract import AUTOCERT, AUTOCERT_FILE
from pool_executor.contract.secrets import SecretFile
from pool_executor.lbmgr.certificates import pem
from pool_executor.lbmgr.certificates.material import Material

if TYPE_CHECKING:  # its libraries take a twentieth of a second, and only who needs one waits for it
    import ecdsa

_log = structlog.get_logger()

_FILE = AUTOCERT_FILE.partition("/")[2]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class OwnCertificate:
    """Of one instance; any thread may use it."""

    def __init__(
        self, material: Material, pool: str, names: tuple[str, ...], now: Callable[[], datetime.datetime] = _now
    ) -> None:
        """`names` are those of the instance beside the pool's: host names and addresses."""
        self._material = material
        self._pool = pool
        self._names = names
        self._now = now
        self._lock = threading.Lock()
        self._made: ecdsa.SigningKey | None = None
        self._by_itself: bytes | None = None
        self._chain: bytes | None = None
        self._trouble: str | None = None

    def content(self) -> bytes:
        """What is to be served, in PEM: the certificate, those between it and its authority, and the key."""
        with self._lock:
            return self._content()

    def request(self) -> bytes:
        """What an authority is to be shown."""
        from pool_executor.lbmgr.certificates import autocert

        with self._lock:
            return autocert.request(self._key())

    def chain(self) -> bytes | None:
        """What an authority has signed, with those between, in PEM; None when there is none that is good now."""
        with self._lock:
            if self._chain is not None and self._has_ended(self._chain):
                self._chain, self._trouble = None, "what its authority signed has expired; it signs itself"
                self._fill()
            return self._chain

    def take(self, answer: SecretFile | None) -> None:
        """This is what is known of a certificate by an authority; None: there is none to sign it."""
        with self._lock:
            before = self._chain, self._trouble
            self._trouble = answer.trouble if answer is not None else None
            if answer is None:
                self._chain = None
            elif answer.data is not None:
                self._new(answer.data)
            if self._trouble is not None:
                stays = "it signs itself" if self._chain is None else "the last one stays"
                self._trouble = f"{self._trouble}; {stays}"
            if (self._chain, self._trouble) != before:
                self._fill()

    # -- with the lock

    def _new(self, chain: bytes) -> None:
        if (problem := self._problem(chain)) is not None:
            self._trouble = f"what an authority signed cannot be used: {problem}"
            return
        self._chain = chain
        _log.info("An authority has signed the certificate of this instance")

    def _problem(self, chain: bytes) -> str | None:
        from pool_executor.lbmgr.certificates import autocert

        block, facts = pem.CERTIFICATE.search(chain), pem.facts(chain)
        if block is None or facts is None:
            return "it is no certificate"
        if not autocert.is_for(ssl.PEM_cert_to_DER_cert(block[0].decode("ascii")), self._key()):
            return "it is for another key"
        return "it has expired" if self._has_ended(chain) else None

    def _content(self) -> bytes:
        from pool_executor.lbmgr.certificates import autocert

        key, certificate = self._key(), self._chain
        if certificate is None:
            if self._by_itself is None:
                self._by_itself = autocert.sign_itself(key, self._pool, self._names, self._now())
            certificate = self._by_itself
        return certificate + autocert.key_pem(key)

    def _key(self) -> "ecdsa.SigningKey":
        from pool_executor.lbmgr.certificates import autocert

        if self._made is None:
            self._made = autocert.make_key()
        return self._made

    def _fill(self) -> None:
        troubles = {} if self._trouble is None else {_FILE: self._trouble}
        self._material.fill(AUTOCERT, {_FILE: self._content()}, troubles)

    def _has_ended(self, chain: bytes) -> bool:
        found = pem.facts(chain)
        return found is None or found.not_after <= self._now().timestamp()
