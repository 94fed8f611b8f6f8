"""What the next reload reads: a structure's files with their servers, without those that HAProxy refuses.

Knows what HAProxy is asked before it is loaded: about a specimen, the structure with one server of each kind, which
takes a time that follows the structure. The files with all servers are made meanwhile. Whether HAProxy takes these is
shown by loading them: a master that cannot goes on with the worker that it has. Only where HAProxy refuses the
specimen, or did not load the files, is it asked about the files themselves: then it is known which servers it refuses,
or that it was not the files.

Does not know how files are loaded, nor what follows when they are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.lines import Lines
from pool_executor.lbmgr.status.refusals import refusals
from pool_executor.lbmgr.structure.composition import Composition
from pool_executor.lbmgr.structure.content import Content, ServerRef, served
from pool_executor.lbmgr.structure.files import Files
from pool_executor.lbmgr.structure.instance import Instance
from pool_executor.lbmgr.structure.outcome import Running

_log = structlog.get_logger()

# HAProxy names at most ten wrong lines at once; a configuration in which it always finds more is refused as a whole.
_MOST_CHECKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was written, or what HAProxy has against it."""

    composition: Composition
    complaint: str | None = None
    checked: bool = False
    """Whether HAProxy was asked about these very files."""
    refused: bool = False
    """Whether it refused servers then, which are left out now."""


class Staging:
    """Of one instance. One thread uses it."""

    def __init__(self, instance: Instance, files: Files, proxy: Proxy, lane: Lane) -> None:
        self._instance = instance
        self._files = files
        self._proxy = proxy
        self._lane = lane
        self._lines = Lines()

    def text(self, marker: str, directory: Path | None = None) -> str:
        """`00-instance.cfg` of a version, by default of the one that HAProxy reads next."""
        return self._instance.text(marker, directory or self._files.current, welcome=self._proxy.serving)

    def composition(self, content: Content) -> Composition:
        """`content` with the servers as they shall be now; from here on it is noted which ones change."""
        backends = content.backends
        self._lines.keep(backends.keys())
        return Composition(content, self._lane.begin(), self._lane.left_out(backends), self._lines)

    def overview(self, content: Content) -> Mapping[str, str]:
        """The text of each file as it would be now."""
        return Composition(content, self._lane.wanted(), self._lane.left_out(content.backends), self._lines).texts

    def refuse(self, blamed: Mapping[ServerRef, str], composition: Composition, content: Content) -> None:
        """HAProxy does not take these servers."""
        self._lane.refuse(refusals(blamed, composition, content))
        for ref, why in blamed.items():
            _log.error("HAProxy refuses a server; everything else goes on without it", server=str(ref), error=why)

    def stage(self, whole: Running, content: Content, marker: str, *, specimen: bool, thorough: bool) -> Staged:
        """Let the next reload read `content`, unless HAProxy complains about it; raises OSError.

        HAProxy is asked about a `specimen`, or at once about the files themselves (`thorough`).
        """
        kept, refused = content.beside(whole.content), False
        for _ in range(_MOST_CHECKS):
            composition = self.composition(content)
            directory = self._files.stage(served(whole.head, kept), kept, content)
            probe = self._files.write_probe(directory, self.text(marker, directory))
            if specimen and not thorough:
                one = self._files.write_specimen(directory, composition.specimen)
                with self._proxy.checking([probe, one]) as complaint_about_it:
                    self._files.fill(directory, content, composition.texts)
                    thorough = complaint_about_it() is not None
            else:
                self._files.fill(directory, content, composition.texts)
            complaint = self._complaint(directory, content, probe) if thorough else None
            if complaint is None:
                if gone := self._lane.gone():  # while it was checked
                    composition = composition.without(gone)
                    self._files.fill(directory, content, composition.texts_with({ref.backend for ref in gone}))
                self._files.write_instance(directory, self.text(marker))
                self._files.switch(directory)
                return Staged(composition=composition, checked=thorough, refused=refused)
            self._files.roll_back()
            blamed = composition.blamed(complaint)
            if not blamed:
                break
            self.refuse(blamed, composition, content)
            refused = True
        return Staged(composition=composition, complaint=complaint, checked=True)

    def _complaint(self, directory: Path, content: Content, probe: Path) -> str | None:
        configs = [directory / name for name, text in content.parts.items() if text.part.kind == "config"]
        with self._proxy.checking([probe, *sorted(configs)]) as complaint:
            return complaint()
