"""The committed code of taskinfo.proto."""

import re
from pathlib import Path

import pytest

from api.mesos_listener.generate import GENERATED, generate

ROOT = Path(__file__).parents[4]
# Lines that only say which release of the compiler wrote the file.
_VERSION = re.compile(r"(?m)^.*(Protobuf Python Version|GRPC_GENERATED_VERSION =).*$|^    \d+,$")


@pytest.mark.parametrize("name", GENERATED)
def test_the_committed_code_is_what_the_contract_generates(name: str, tmp_path: Path) -> None:
    """Whoever changes taskinfo.proto runs `python -m api.mesos_listener.generate`."""
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed (group dev)")
    generate(ROOT, tmp_path)
    fresh = (tmp_path / "api" / "mesos_listener" / name).read_text()
    committed = (ROOT / "api" / "mesos_listener" / name).read_text()
    assert _VERSION.sub("", fresh) == _VERSION.sub("", committed)
