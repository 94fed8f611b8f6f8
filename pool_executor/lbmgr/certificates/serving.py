"""The certificates that listeners need: which can be used, which HAProxy has, and the way of new ones to it.

A listener whose certificate is missing or broken waits alone, and something stands in for what servers are spoken to
with; a new certificate that cannot be used leaves the old one where it is. Knows the room of the files (material.py)
and HAProxy's orders for them. Does not know where files come from, nor when HAProxy is loaded anew. Used by lbmgr's
thread only.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping

import structlog

from pool_executor.contract import AUTOCERT_FILE, CertificateStatus, Needs
from pool_executor.lbmgr.certificates import pem
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.stand_in import is_stand_in, stand_in
from pool_executor.lbmgr.certificates.uses import Use, does_without, effect, listed_by_name, needed, spoken
from pool_executor.lbmgr.haproxy.orders import Command, ReplaceFile
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import Content

_log = structlog.get_logger()

#: What the name of a file ends with that HAProxy looks for beside a certificate: an answer of OCSP.
_STAPLE = ".ocsp"


Send = Callable[[Command], str | None]
"""Give an order to the HAProxy that serves; what it says when it refuses."""


class Certificates:
    """Of one instance; `own` brings the files that it has by itself, by their names."""

    def __init__(self, material: Material, own: Mapping[str, Callable[[], bytes]], counters: Counters) -> None:
        self._material = material
        self._own = own
        self._counters = counters
        self._refused: dict[str, tuple[str, str]] = {}
        """By name: the sum of a content that cannot be used, and why."""
        self._before: dict[str, bytes] = {}
        """What stood in the files that HAProxy is to be loaded anew for."""
        self._facts: dict[str, tuple[str, pem.Facts | None]] = {}
        self._status: tuple[Content | None, tuple[CertificateStatus, ...]] | None = None
        """What was told last, and of which content; None when it has to be looked up anew."""
        self.needs_reload: str | None = None
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""

    # -- before HAProxy reads them

    def obstacles(self, content: Content, present: Content | None) -> Mapping[str, str]:
        """What listeners of `content` lack, in words, by part; `present` is what HAProxy serves.

        Files that can be used stand where HAProxy reads them afterwards. Others are stood in for where servers need
        them, or where a listener has certificates without them.
        """
        found: dict[str, str] = {}
        self._status = None
        for name, text in content.parts.items():
            needs = text.part.needs
            if not needs.files or (present is not None and present.parts.get(name) == text):
                continue
            lacks = {file: why for file in needs.files if (why := self._lack(file, needs)) is not None}
            if lacks and text.part.listener and not does_without(needs, lacks):
                found[name] = " and ".join(lacks.values())
                continue
            for file in lacks:
                self._stand_in(file, needs)
        return found

    def _lack(self, name: str, needs: Needs) -> str | None:
        placed = self._material.read(name)
        if placed is not None and not is_stand_in(placed):
            return None
        data = self._newest(name)
        if data is None:
            trouble = self._material.trouble(name)
            return f"the file {spoken(name)}{f': {trouble}' if trouble else ''}"
        problem = self._problem(name, data, authority=name in needs.authorities)
        if problem is None:
            try:
                self._material.place(name, data)
                self._staple(name)
            except OSError as error:
                problem = f"it cannot be written: {error.strerror or error}"
        return problem and f"a usable file {spoken(name)}: {problem}"

    def _stand_in(self, name: str, needs: Needs) -> None:
        if self._material.read(name) is not None:
            return
        try:
            self._material.place(name, stand_in(authority=name in needs.authorities))
        except OSError as error:
            # HAProxy will say what it lacks.
            _log.error("Nothing can stand in for a file", file=spoken(name), error=str(error))

    def _staple(self, name: str) -> None:
        """Let HAProxy find what is said about the validity of a certificate beside it, if there is something."""
        if (data := self._staple_of(name)) is not None:
            self._material.place(f"{name}{_STAPLE}", data)

    def _staple_of(self, name: str) -> bytes | None:
        """What can be said about the validity of a certificate: the newest, else what HAProxy has."""
        beside = f"{name}{_STAPLE}"
        data, placed = self._material.get(beside), self._material.read(beside)
        if data is None or data == placed or self._refused.get(beside, ("", ""))[0] == _sum(data):
            return placed
        if (problem := pem.staple_problem(data)) is not None:
            self._refuse(beside, data, problem)
            return placed
        return data

    def _newest(self, name: str) -> bytes | None:
        if name in self._own and self._material.get(name) is None:
            source, _, file = name.partition("/")
            try:
                self._material.fill_first(source, {file: self._own[name]()})
            except (OSError, ValueError) as error:
                self._material.fill(source, {}, {file: str(error)})
        return self._material.get(name)

    def _problem(self, name: str, data: bytes, *, authority: bool) -> str | None:
        known = self._refused.get(name)
        if known is not None and known[0] == _sum(data):
            return known[1]
        problem = pem.authority_problem(data) if authority else pem.certificate_problem(data)
        if problem is not None:
            self._refuse(name, data, problem)
        return problem

    def _refuse(self, name: str, data: bytes, problem: str) -> None:
        self._refused[name] = _sum(data), problem
        self._counters.count("certificate_refused")
        _log.error("A certificate cannot be used", file=spoken(name), error=problem)

    # -- rotation

    def take_up(self, running: Content | None, send: Send | None) -> None:
        """Bring what is new to HAProxy, if it can be used; `send` is None when none serves.

        What HAProxy does not take at run time needs a reload.
        """
        served, by_name, self._status = needed(running), listed_by_name(running), None
        for name in sorted(self._material.placed()):
            try:
                self._take(name, served, send, by_name=name in by_name)
            except Exception:  # noqa: BLE001 - a full disk, or a file that trips over a defect: what serves goes on
                _log.exception("A new file could not be taken up", file=spoken(name))

    def _take(self, name: str, served: Mapping[str, Use], send: Send | None, *, by_name: bool) -> None:
        newest, placed = self._material.get(name), self._material.read(name)
        if placed is None or name.removesuffix(_STAPLE) in served.keys() - {name}:
            return  # what stands beside a certificate goes with it
        if name not in served:
            if newest is not None and newest != placed:
                self._material.remove(name)  # it comes again when somebody needs it
            return
        use = served[name]
        data = placed if newest is None or not self._is_better(name, newest, placed, use) else newest
        staple = self._staple_of(name) if use is Use.SHOWN else None
        if data != placed or staple != self._material.read(f"{name}{_STAPLE}"):
            if by_name and pem.shown_for(data) != pem.shown_for(placed):
                send = send and _names_are_listed
            self._replace(name, data, placed, send, use, staple)

    def _is_better(self, name: str, data: bytes, placed: bytes, use: Use) -> bool:
        known = self._refused.get(name)
        if data == placed or (known is not None and known[0] == _sum(data)):
            return False
        compared = use is Use.SHOWN and not is_stand_in(placed)
        problem = self._problem(name, data, authority=use is not Use.SHOWN)
        problem = problem or (pem.worse(placed, data) if compared else None)
        if problem is not None:
            self._refuse_once(name, data, problem)
        return problem is None

    def _refuse_once(self, name: str, data: bytes, problem: str) -> None:
        if name not in self._refused or self._refused[name][0] != _sum(data):
            self._refuse(name, data, problem)

    def _replace(
        self, name: str, data: bytes, placed: bytes, send: Send | None, use: Use, staple: bytes | None
    ) -> None:
        waits, refused = name in self._before, None
        if send is not None and use is Use.JUDGES_SERVERS:
            refused = "servers would go on with the one before"
        elif send is not None and not waits:
            refused = send(self._order(name, data, use, staple))
            if refused is not None and staple is not None:
                # It may be of another certificate, the one before that is.
                told, refused = refused, send(self._order(name, data, use, None))
                if refused is None:
                    self._refuse(f"{name}{_STAPLE}", staple, f"HAProxy says: {told}")
                    staple = None
        try:
            self._material.place(name, data)
            if staple is not None:
                self._material.place(f"{name}{_STAPLE}", staple)
            else:
                self._material.remove(f"{name}{_STAPLE}")
        except OSError as error:
            # HAProxy would read the old one again at its next reload.
            _log.error("A new certificate could not be written", file=spoken(name), error=str(error))
        self._refused.pop(name, None)
        if waits:
            return  # for the same reload as the one before
        if refused is None:
            self._counters.count("certificate_changed")
            _log.info("A new certificate is served", file=spoken(name))
            return
        self._before[name] = placed
        self.needs_reload = f"{spoken(name)} has changed, and HAProxy does not take it at run time: {refused}"

    def _order(self, name: str, data: bytes, use: Use, staple: bytes | None) -> ReplaceFile:
        kind, path = "cert" if use is Use.SHOWN else "ca-file", str(self._material.path(name))
        return ReplaceFile(kind, path, tuple(pem.lines(data)), tuple(pem.base64_lines(staple or b"")))

    # -- what HAProxy says when it is loaded

    def loaded(self) -> None:
        """HAProxy was loaded anew: it has what the files hold."""
        self._counters.count("certificate_changed", len(self._before))
        self._before.clear()
        self.needs_reload = self._status = None

    def blamed(self, complaint: str, running: Content | None) -> bool:
        """HAProxy said this; whether there were files that it does not take, which it is not given again.

        Those that it had before stand in their places again.
        """
        found = [name for name in self._material.placed() if _names(complaint, str(self._material.path(name)))]
        served, blamed, self._status = needed(running), False, None
        for name in found:
            data = self._material.read(name)
            if data is None or (name in served and name not in self._before):
                continue
            blamed = True
            self._refuse(name, data, f"HAProxy says: {complaint.replace(f'{self._material.directory}/', '')[:300]}")
            before = self._before.pop(name, None)
            if before is None:
                self._material.remove(name)
            else:
                self._material.place(name, before)
        if not self._before:
            self.needs_reload = None
        return blamed

    # -- status

    def status(self, running: Content | None) -> tuple[CertificateStatus, ...]:
        """Of the certificates that are served, by name."""
        if self._status is None or self._status[0] is not running:
            self._status = running, tuple(self._look(running))
        return self._status[1]

    def _look(self, running: Content | None) -> Iterator[CertificateStatus]:
        for name, use in sorted(needed(running).items()):
            data = self._material.read(name)
            shown = use is Use.SHOWN and data is not None and not is_stand_in(data)
            known = self._facts_of(name, data) if shown and data is not None else None
            yield CertificateStatus(
                file=spoken(name),
                subject=known.subject if known is not None else "",
                issuer=known.issuer if known is not None else "",
                names=known.names[:20] if known is not None else (),
                not_after=known.not_after if known is not None else None,
                trouble=self._trouble(name, data, effect(running, name)),
            )

    def _trouble(self, name: str, data: bytes | None, without: str) -> str | None:
        newest, trouble = self._material.get(name), self._material.trouble(name)
        if data is not None and is_stand_in(data):
            why = self._refused[name][1] if newest is not None and name in self._refused else trouble
            return f"it is missing{f' ({why})' if why else ''}, and {without}"
        if newest is not None and newest != data and name in self._refused:
            return f"a newer one is refused: {self._refused[name][1]}"
        if trouble is not None:
            return trouble
        if newest is None and name != AUTOCERT_FILE:
            return "its source does not have it any more; the last one is served"
        return None

    def _facts_of(self, name: str, data: bytes) -> pem.Facts | None:
        digest = _sum(data)
        known = self._facts.get(name)
        if known is None or known[0] != digest:
            known = self._facts[name] = digest, pem.facts(data)
        return known[1]


def _names_are_listed(_: Command) -> str:
    """What stands for HAProxy's refusal: it would show the new certificate for the names of the one before."""
    return "its names are others"


def _names(complaint: str, path: str) -> bool:
    """Whether this very file is named, and not only one whose name begins so."""
    return re.search(rf"{re.escape(path)}(?!\.?[A-Za-z0-9_-])", complaint) is not None


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
