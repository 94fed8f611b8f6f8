"""What has to be read before anything is made under a pool template; done on a thread that may wait."""

from dataclasses import dataclass

import structlog

from api.auto_pools.claims.ledger import EMPTY, Ledger
from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.language.meaning import Meaning
from api.auto_pools.templates.stored_template import StoredTemplate
from api.auto_pools.thread.writer import Writer
from sdk.errors import CorruptRecord

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a template means, and how old claims under it are."""

    meaning: Meaning
    ledger: Ledger


def begin(interpreter: Interpreter, writer: Writer, template: StoredTemplate, known: Ledger | None) -> Beginning:
    """`known` is the ledger, where it need not be read. Raises InvalidSpec for a template that cannot be printed."""
    meaning = interpreter.meaning(template)
    return Beginning(meaning=meaning, ledger=_ledger(writer, template.name) if known is None else known)


def _ledger(writer: Writer, template: str) -> Ledger:
    try:
        return writer.ledgers.get(template) or EMPTY
    except CorruptRecord as error:
        log.error("It cannot be read how old claims are; beginning anew", template=template, error=str(error))
        return EMPTY
