"""What stands on disk after changes that the disk did not take."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pool_executor.contract import Structure
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.apply import Applier, Running
from pool_executor.lbmgr.structure.content import Content, Fitted, PartText
from pool_executor.lbmgr.structure.files import Files
from pool_executor.lbmgr.structure.hindrances import Hindrances
from pool_executor.lbmgr.structure.obstacles import Obstacles
from tests.unit.pool_executor.lbmgr.parts import content, web


def version(number: int, one: str, two: str) -> tuple[Structure, Content]:
    """A structure with two maps."""
    found = content(web(), *(PartText.made(name, "map", text) for name, text in (("one.map", one), ("two.map", two))))
    parts = {name: text.part for name, text in found.parts.items()}
    head = Structure(pool="web", pool_uid="u", pool_version=number, epoch=1, version=number, parts=parts)
    return head, found


def test_what_the_disk_did_not_take_is_written_with_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the next change is one of other files."""
    files, counters = Files(tmp_path, tmp_path / "material"), Counters()
    applier = Applier(
        instance=cast(Any, SimpleNamespace(ports={})),
        files=files,
        hindrances=Hindrances(Obstacles({}, {}), Certificates(Material(tmp_path / "material"), lambda: b"", counters)),
        proxy=cast(Any, SimpleNamespace(alive=True, send=lambda commands, maps: None)),
        lane=Lane(capabilities("2.6.12"), counters),
        counters=counters,
        next_marker=lambda: "",
    )
    head, found = version(1, "a 1\n", "b 1\n")
    files.switch(files.stage(head, found, found))
    files.commit()
    applier.running = Running(head=head, content=found)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "one.map")

    with monkeypatch.context() as patch:
        patch.setattr(files, "update", full)
        head, found = version(2, "a 2\n", "b 1\n")
        applier.apply(head, Fitted(content=found), applier.plan(found))
    assert "No space left" in str(applier.stored.unsaved)
    head, found = version(3, "a 2\n", "b 3\n")
    applier.apply(head, Fitted(content=found), applier.plan(found))
    stored = files.load()
    assert stored is not None
    assert (applier.stored.unsaved, stored.content.same(found)) == (None, True)
