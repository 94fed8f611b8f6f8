"""What stands on disk after changes that the disk did not take, and what follows when HAProxy does not load files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pool_executor.contract import Remove, Structure
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.position import Position
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.apply import Applier, Running
from pool_executor.lbmgr.structure.content import Content, Fitted, PartText
from pool_executor.lbmgr.structure.files import Files
from pool_executor.lbmgr.structure.hindrances import Hindrances
from pool_executor.lbmgr.structure.obstacles import Obstacles
from pool_executor.lbmgr.structure.outcome import Outcome
from tests.unit.pool_executor.lbmgr.parts import backend, content, server, web


def version(number: int, one: str, two: str, *more: PartText) -> tuple[Structure, Content]:
    """A structure with two maps, and more."""
    maps = (PartText.made(name, "map", text) for name, text in (("one.map", one), ("two.map", two)))
    found = content(web(), *maps, *more)
    parts = {name: text.part for name, text in found.parts.items()}
    head = Structure(pool="web", pool_uid="u", pool_version=number, epoch=1, version=number, parts=parts)
    return head, found


def serving(files: Files, haproxy: object, lane: Lane) -> Applier:
    """An applier that serves version 1."""
    material, counters = Material(files.overview.with_name("material")), Counters()
    applier = Applier(
        instance=cast(Any, SimpleNamespace(ports={}, text=lambda *_, **__: "global\n")),
        files=files,
        hindrances=Hindrances(Obstacles({}, {}), Certificates(material, {}, counters)),
        proxy=cast(Any, haproxy),
        lane=lane,
        counters=counters,
        next_marker=lambda: "",
    )
    head, found = version(1, "a 1\n", "b 1\n")
    files.switch(files.stage(head, found, found))
    files.commit()
    applier.running = applier.whole = Running(head=head, content=found)
    return applier


def test_what_the_disk_did_not_take_is_written_with_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the next change is one of other files."""
    files = Files(tmp_path, tmp_path / "material")
    haproxy = SimpleNamespace(alive=True, send=lambda commands, maps: None)
    applier = serving(files, haproxy, Lane(capabilities("2.6.12"), Counters()))

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


class Haproxy:
    """A double: it accepts all that it is asked about, and what becomes of files that it loads is told before."""

    def __init__(self, *loads: Callable[[], str | None]) -> None:
        self._loads = iter(loads)
        self.alive = self.serving = True
        self.calls: list[str] = []

    @contextmanager
    def checking(self, files: Sequence[Path]) -> Iterator[Callable[[], str | None]]:
        """Remember about what."""
        self.calls.append("specimen" if files[-1].name == ".specimen" else "files")
        yield lambda: None

    def load(self, *_: object) -> str | None:
        """What it says."""
        self.calls.append("load")
        return next(self._loads)()


def applied(applier: Applier, number: int) -> Outcome:
    """Another structure, which takes a reload."""
    head, found = version(number, "a 1\n", "b 1\n", backend("app", *(f"more{one}" for one in range(number))))
    return applier.apply(head, Fitted(content=found, whole=found), applier.plan(found))


@pytest.mark.parametrize("goes", [True, False])
def test_files_that_failed_for_a_server_are_loaded_when_haproxy_takes_them_by_now(tmp_path: Path, goes: bool) -> None:
    """Its task has ended, or its name is found: the structure does not wait as long as after other failures."""
    lane = Lane(capabilities("2.6.12"), Counters())
    lane.replace({"app": {"one": server("one"), "two": server("two")}}, Position("log", 1), {})

    def refuse() -> str:
        if goes:
            lane.follow([Remove("app", "one")], Position("log", 2), {})
        return "'server app/one' : could not resolve address 'one.invalid'"

    haproxy = Haproxy(refuse, lambda: None)
    outcome = applied(serving(Files(tmp_path, tmp_path / "material"), haproxy, lane), 2)
    assert (outcome.verdict, outcome.action) == ("applied", "reload")
    assert haproxy.calls == ["specimen", "load", "files", "load"]
    assert ("server one " in (tmp_path / "haproxy.d/good/30-backends-0a.cfg").read_text()) != goes


def test_files_that_failed_for_another_reason_are_not_loaded_again_at_once(tmp_path: Path) -> None:
    """Each time may disturb the worker that serves."""
    haproxy = Haproxy(lambda: "cannot create a thread")
    lane = Lane(capabilities("2.6.12"), Counters())
    outcome = applied(serving(Files(tmp_path, tmp_path / "material"), haproxy, lane), 2)
    assert (outcome.verdict, outcome.reload_failed, outcome.retry) == ("rejected", True, True)
    assert haproxy.calls == ["specimen", "load", "files"]


def test_a_haproxy_that_ended_while_it_was_loaded_comes_back_before_it_is_asked(tmp_path: Path) -> None:
    """Nobody serves meanwhile. Before it is loaded again it is asked about all that it would read, once."""

    def end() -> str:
        haproxy.alive = False
        return "HAProxy was ended by SIGKILL"

    haproxy = Haproxy(end, lambda: None, lambda: None)
    applier = serving(Files(tmp_path, tmp_path / "material"), haproxy, Lane(capabilities("2.6.12"), Counters()))
    outcome = applied(applier, 2)
    assert (outcome.retry, outcome.reload_failed, haproxy.calls) == (True, False, ["specimen", "load"])
    haproxy.alive = True
    assert applied(applier, 2).verdict == "applied"
    assert haproxy.calls[2:] == ["files", "load"]
    assert applied(applier, 3).verdict == "applied"
    assert haproxy.calls[4:] == ["specimen", "load"]
