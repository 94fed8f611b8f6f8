"""Whole configurations, byte by byte, and what HAProxy thinks of them.

After a wanted change: `UPDATE_GOLDEN=1 python -m pytest tests/golden`, then read the difference.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render
from api.dcos_template.selecting.endpoint import Endpoint
from api.validation import placeholders
from pool_executor.contract import port_variable
from pool_executor.lbmgr.structure.instance import CERTS, RELAY_ENTRY, RELAY_MAP
from tests.golden.cases import CASES
from tests.support.composed import composed
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import COOKIE_KEY

GOLDEN = Path(__file__).parent / "haproxy"


def texts(name: str) -> Texts:
    case = CASES[name]
    return render(build_config(case.pool, COOKIE_KEY))


@pytest.mark.parametrize("name", CASES)
def test_a_pool_gives_exactly_the_kept_files(name: str) -> None:
    """The configuration changes only when somebody wants it to."""
    fresh = {part: text.text for part, text in texts(name).items()}
    directory = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.iterdir():
            old.unlink()
        for part, text in fresh.items():
            (directory / part).write_text(text)
    assert {path.name: path.read_text() for path in directory.iterdir()} == fresh


@pytest.mark.integration
@pytest.mark.parametrize("binary", BOTH)
@pytest.mark.parametrize("name", CASES)
def test_haproxy_accepts_the_files_without_a_warning(name: str, binary: str, tmp_path: Path) -> None:
    """As lbmgr gives them: the instance's file first, one -f per part, map files in ${MAPS}."""
    write(
        tmp_path,
        texts(name),
        CASES[name].endpoints,
        {port: 20000 + number for number, port in enumerate(port_names(name))},
    )
    files = sorted(path.name for path in tmp_path.glob("*.cfg"))
    arguments = [argument for file in files for argument in ("-f", file)]
    result = subprocess.run([binary, "-c", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr


def port_names(name: str) -> list[str]:
    return ["stats", *(frontend.name for frontend in CASES[name].pool.haproxy.frontends)]


def write(
    directory: Path,
    parts: Texts,
    endpoints: Mapping[str, Sequence[Endpoint]],
    ports: dict[str, int],
    **globals_: str,
) -> None:
    """The files as an instance has them."""
    maps = directory / "maps"
    maps.mkdir()
    for part, text in composed(parts, endpoints).items():
        (maps / part if parts[part].part.kind == "map" else directory / part).write_text(text)
    (directory / RELAY_MAP).write_text(RELAY_ENTRY)
    placeholders.place((text.part for text in parts.values()), directory, directory / "material")
    (directory / "00-instance.cfg").write_text(instance_file(directory, ports, globals_))


def instance_file(directory: PurePath, ports: dict[str, int], globals_: dict[str, str]) -> str:
    """What lbmgr writes for itself: the variables, and its own backend."""
    # HAProxy runs in the directory of the files: a socket's whole path would be too long.
    lines = [
        "global",
        f'    setenv MAPS "{directory / "maps"}"',
        '    setenv SOCKETS "."',
        "    setenv CONNECTIONS 1000",
    ]
    lines += [f'    setenv CERTS "{directory / CERTS}"', f'    setenv SECRETS "{directory / "material" / "secrets"}"']
    lines += [f'    ca-base "{directory / "material"}"', f'    crt-base "{directory / "material"}"']
    lines += [f'    setenv {port_variable(name)} "{number}"' for name, number in ports.items()]
    lines += [f"    {key.replace('_', ' ')} {value}" for key, value in globals_.items()]
    lines += ["backend _lbmgr", "    mode tcp", "    timeout connect 1s", "    timeout server 1s"]
    return "\n".join([*lines, "    server serving 127.0.0.1:1", ""])
