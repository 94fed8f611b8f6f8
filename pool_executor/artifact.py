"""Builds `pool_executor.pyz`, the executor as one file that an agent's plain python3 runs.

Knows which of our modules the executor imports, by reading their import statements, and which distributions it needs.
The sum of all sources is the executor's identity, the same wherever they are installed: a change relaunches all
instances, so nothing goes in that the executor does not import. Beside each source lies its bytecode, which an agent
takes whose Python is that of this process, and starts in a third of the time. It is no part of the identity, so that a
scheduler on another Python relaunches nothing.

The scheduler calls this; of `pool_executor` it may import nothing else but the other artifact (haproxy_artifact.py).
"""

import ast
import functools
import hashlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pool_executor.archive import pack
from pool_executor.bytecode import SUFFIX, bytecode
from sdk.errors import EnvironmentProblem

NAME = "pool_executor.pyz"

_SOURCES = Path(__file__).parents[1]
_OURS = ("pool_executor", "sdk")
_ENTRIES = ("pool_executor.__main__", "pool_executor.too_old")
# All of pure Python. pymesos names the others but for asn1crypto, ecdsa, urllib3, structlog and tenacity.
_DISTRIBUTIONS = (
    *("addict", "asn1crypto", "ecdsa", "h11", "http-parser", "kazoo", "prometheus-client", "pymesos", "six"),
    *("structlog", "tenacity", "urllib3"),
)
_LEFT_OUT = ("/tests/", "/testing/", "/contrib/emscripten/", "/test_")
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    from pool_executor.too_old import fail

    sys.exit(fail("this agent has Python %d.%d; the pool executor needs Python 3.11 or later" % sys.version_info[:2]))

from pool_executor.__main__ import main

sys.exit(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that agents fetch: its name, its bytes and their sha256 in hexadecimal."""

    name: str
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorArtifact(Artifact):
    """The executor's file; `identity` is the sha256 of what it is made of, whoever made it."""

    identity: str


@functools.cache
def build() -> ExecutorArtifact:
    """The artifact of this installation, built once per process; it takes three tenths of a second.

    Raises EnvironmentProblem when a distribution is missing or has compiled parts.
    """
    files = dict(_our_modules())
    for name in _DISTRIBUTIONS:
        files |= dict(_modules_of(name))
    sources = {name: path.read_bytes() for name, path in files.items()}
    compiled = {f"{name}{SUFFIX}": bytecode(sources[name], path, f"{NAME}/{name}") for name, path in files.items()}
    main = {"__main__.py": _MAIN.encode()}
    data = pack(main | sources | compiled)
    return ExecutorArtifact(
        name=NAME,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        identity=hashlib.sha256(pack(main | sources)).hexdigest(),
    )


def _our_modules() -> Iterator[tuple[str, Path]]:
    """The modules that `_ENTRIES` import, directly or not, and the packages they are in, by their names in the file."""
    seen: set[str] = set()
    waiting = list(_ENTRIES)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = _path(module)
        if path is None:
            continue
        yield path.relative_to(_SOURCES).as_posix(), path
        waiting += [".".join(module.split(".")[:depth]) for depth in range(1, module.count(".") + 1)]
        waiting += _imports(ast.parse(path.read_bytes(), str(path)))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            # A name behind `import` may be a module too; one that is not has no file.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in _OURS)


def _path(module: str) -> Path | None:
    base = _SOURCES.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _modules_of(name: str) -> Iterator[tuple[str, Path]]:
    """The Python files of an installed distribution, by their names in the file."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise EnvironmentProblem(
            f"{name} is not installed, so {NAME} cannot be built: install the requirements"
        ) from error
    found = False
    for file in distribution.files or ():
        path = PurePosixPath(file.as_posix())
        if path.suffix == ".so":
            raise EnvironmentProblem(
                f"{name} {distribution.version} has compiled parts; the executor needs pure Python"
            )
        if path.suffix != ".py" or path.is_absolute() or ".." in path.parts:
            continue
        if any(part in f"/{path}" for part in _LEFT_OUT):
            continue
        found = True
        yield str(path), Path(str(file.locate()))
    if not found:
        raise EnvironmentProblem(
            f"{name} {distribution.version} lists no Python files: an editable installation cannot go into {NAME}"
        )
