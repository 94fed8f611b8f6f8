"""Reading a text that somebody names on the command line."""

import sys
from pathlib import Path

from api.cli.exits import Exit
from api.cli.failure import Failure


def name_of(path: str) -> str:
    """What the file is called in messages."""
    return "stdin" if path == "-" else path


def read_text(path: str) -> str:
    """The text of the file, `-` for stdin; Failure says why it cannot be read."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"{name_of(path)} cannot be read: {error.strerror}", Exit.USAGE) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{name_of(path)} is not UTF-8 text", Exit.USAGE) from error
