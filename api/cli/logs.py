"""How the processes log: one human sentence plus key-values, to stderr, as text or one JSON object per line."""

import logging
import sys

from sdk.lean_structlog import structlog
from sdk.log_stream import STDERR


def configure(level: str, form: str) -> None:
    """Set up structlog, and lead the standard library's loggers (of libraries) the same way."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if form == "json"
        # Not the renderer's own tracebacks: they show the values of local variables, secrets among them.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.PrintLogger(STDERR),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(STDERR)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_drop_meta, *last]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell too much below warning: kazoo prints credentials, urllib3 every request.
    root.setLevel(max(number, logging.WARNING))


def _drop_meta(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(None, "", event)
