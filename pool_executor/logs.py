"""How the executor and lbmgr log: one human sentence plus key-values, to stderr, with the time in UTC."""

import logging

from sdk.lean_structlog import structlog
from sdk.log_stream import STDERR

get_logger = structlog.get_logger


def configure(level: str) -> None:
    """Set up structlog; a level that is none counts as info."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(STDERR),
    )
