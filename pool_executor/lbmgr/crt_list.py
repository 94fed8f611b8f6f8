"""The lists of certificates by which listeners find theirs: one file for each listener that has some. Pure.

HAProxy takes the first line for clients that ask for no name, or for one that no certificate has.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from pool_executor.contract import Part, certificates_file


def crt_lists(parts: Iterable[Part], material: PurePath) -> Mapping[str, str]:
    """The texts by the names of the files; `material` is where the certificates are."""
    return {
        certificates_file(part.name): "".join(f"{material / file}\n" for file in part.needs.certificates)
        for part in parts
        if part.needs.certificates
    }
