"""Certificates that stand for those of a pool while HAProxy is asked about it: the real ones are where it runs.

Does not know what the certificates of a pool hold: one that cannot be used costs its listener on an instance, which
says so.
"""

import datetime
import functools
from collections.abc import Iterable
from pathlib import Path

from pool_executor.contract import Part
from pool_executor.lbmgr.certificates import autocert
from pool_executor.lbmgr.certificates.crt_list import crt_lists
from pool_executor.lbmgr.structure.instance import CERTS


def place(parts: Iterable[Part], directory: Path, material: Path) -> None:
    """Write the lists of certificates into a version's `directory`, and all that listeners need into `material`."""
    parts = list(parts)
    for part in parts:
        for name in part.needs.files:
            path = material / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_placeholder())
    (directory / CERTS).mkdir(exist_ok=True)
    for name, text in crt_lists(parts, material, lambda _: ()).items():
        (directory / CERTS / name).write_text(text)


@functools.cache
def _placeholder() -> bytes:
    return autocert.make("placeholder", (), datetime.datetime.now(datetime.UTC))
