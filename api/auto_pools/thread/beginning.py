"""What has to be read before anything is made under a pool template; done on a thread that may wait."""

from dataclasses import dataclass, replace

import structlog

from api.auto_pools.claims.ledger import EMPTY, Ledger
from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.language.meaning import Meaning
from api.auto_pools.templates.stored_template import StoredTemplate, pool_of
from api.auto_pools.thread.stand_in import Text
from api.auto_pools.thread.writer import Writer
from scheduler.pools.model import Pool
from sdk.errors import CorruptRecord, InvalidSpec

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a text of a template means, or why it cannot be read, and how old claims are."""

    meaning: Meaning | InvalidSpec
    ledger: Ledger
    printed: str
    """The last text of which a pool was stored."""


def begin(
    interpreter: Interpreter, writer: Writer, template: StoredTemplate, text: Text, known: Ledger | None
) -> Beginning:
    """`template` holds the text that is stored; `known` is the ledger, where it need not be read. Raises what `writer`
    does.
    """
    ledger = _ledger(writer, template.name) if known is None else known
    meaning: Meaning | InvalidSpec
    try:
        meaning = interpreter.meaning(template._replace(text=text.text))
    except InvalidSpec as error:
        meaning = error
    else:
        meaning = replace(meaning, printed=meaning.printed - text.without)
        standing = writer.standing(pool_of(template.name)) if template.text and not text.text else None
        if standing is not None:
            meaning = replace(meaning, pool=_as_it_is(standing))
    return Beginning(meaning=meaning, ledger=ledger, printed=writer.printed.get(template.name))


def _as_it_is(pool: Pool) -> Pool:
    """What a pool has whatever applications ask for: its load balancers stay where they are."""
    return replace(pool, secrets=(), haproxy=replace(pool.haproxy, frontends=(), backends=()))


def _ledger(writer: Writer, template: str) -> Ledger:
    try:
        return writer.ledgers.get(template) or EMPTY
    except CorruptRecord as error:
        log.error("It cannot be read how old claims are; beginning anew", template=template, error=str(error))
        return EMPTY
