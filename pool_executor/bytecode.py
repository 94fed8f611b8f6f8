"""Bytecode for an archive of modules, so that whoever runs them need not compile them.

Knows how Python takes bytecode out of an archive: where its version is another one, it takes the source that lies
beside. The same sources and the same version of Python give the same bytes. Does not know which modules there are.
"""

import importlib.util
import marshal
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

#: What the name of a module's file gets in addition.
SUFFIX = "c"

# Never held against the source (PEP 552): the sum of the archive proves both, and times are the same for all of it.
_UNCHECKED = (1).to_bytes(4, "little")
# Without references to earlier objects: whether there are any depends on what else this process has loaded.
_FORMAT = 2


def bytecode(source: bytes, path: Path, shown: str) -> bytes:
    """The file for the module whose `source` is in `path`; tracebacks call it `shown`."""
    code = SourceFileLoader(shown, str(path)).get_code(shown)
    assert code is not None, f"{path} holds no module"
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source)
    return header + marshal.dumps(_renamed(code, shown), _FORMAT)


def _renamed(code: CodeType, name: str) -> CodeType:
    constants = tuple(_renamed(one, name) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=name, co_consts=constants)
