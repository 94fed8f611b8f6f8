"""The lists of certificates by which listeners find theirs: one file for each listener that has some. Pure.

HAProxy takes the first line for clients that ask for no name, or for one that no certificate has.
"""

from collections.abc import Mapping
from pathlib import PurePath

from pool_executor.contract import certificates_file
from pool_executor.lbmgr.content import Content


def crt_lists(content: Content, material: PurePath) -> Mapping[str, str]:
    """The texts by the names of the files; `material` is where the certificates are."""
    return {
        certificates_file(name): "".join(f"{material / file}\n" for file in text.part.needs.certificates)
        for name, text in content.parts.items()
        if text.part.needs.certificates
    }
