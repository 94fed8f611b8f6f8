"""What a pool's instances are answered: which secrets it may have, and what is known of each. Pure."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pool_executor.contract.secrets import SecretFile, SecretsAnswer, SecretsQuestion
from scheduler.secret_delivery.held import Held
from scheduler.secret_stores import names

MOST_TOGETHER = 12 * 1024 * 1024
"""Bytes of a pool's secrets at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The files of one pool: which secret each one is; and whether its instances have something to be signed."""

    pool: str
    files: Mapping[str, str]
    patterns: Sequence[str]
    certified: bool = False
    """Whether its instances use a certificate of their own that an authority signs."""

    def refusal(self, secret: str) -> str | None:
        """Why the pool does not get it, whatever the store has."""
        if (rule := names.problem(secret)) is not None:
            return f"{secret!r:.80} cannot be the name of a secret: it {rule}"
        if not names.allowed(secret, self.pool, self.patterns):
            return f"{secret} is none of the secrets that pool {self.pool} may have (EDGELB_SECRET_PATHS)"
        return None

    @property
    def secrets(self) -> frozenset[str]:
        """Those that are to be read."""
        return frozenset(secret for secret in self.files.values() if self.refusal(secret) is None)


Known = Callable[[str], Held | None]


def complete(wanted: Wanted, known: Known) -> bool:
    """Whether all that is wanted was asked for."""
    return all(known(secret) is not None for secret in wanted.secrets)


def answer(wanted: Wanted, known: Known, question: SecretsQuestion) -> SecretsAnswer:
    """What the instance does not have."""
    files = []
    for file, held in _files(wanted, known):
        same = held.value is not None and hashlib.sha256(held.value).hexdigest() == question.have.get(file)
        files.append(SecretFile(file=file, data=None if same else held.value, same=same, trouble=held.trouble))
    return SecretsAnswer(files=tuple(files))


def state(wanted: Wanted, known: Known) -> str:
    """A word for everything that an answer depends on: another word, and instances have to ask."""
    found = hashlib.sha256()
    for file, held in _files(wanted, known):
        for part in (file.encode(), held.value or b"", (held.trouble or "").encode()):
            found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


def _files(wanted: Wanted, known: Known) -> Iterator[tuple[str, Held]]:
    left = MOST_TOGETHER
    for file, secret in sorted(wanted.files.items()):
        why = wanted.refusal(secret)
        held = Held(trouble=why) if why is not None else known(secret) or Held(trouble=f"{secret} was not read yet")
        left -= len(held.value or b"")
        if left < 0:
            held = Held(trouble=f"{secret} is too much: the secrets of a pool have at most {MOST_TOGETHER} bytes")
        yield file, held
