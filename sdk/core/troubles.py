"""What keeps single services and instances from being as they should be; the others go on."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from immutables import Map

from sdk.core.agenda import Agenda
from sdk.core.events import TargetChanged, TargetWithdrawn
from sdk.core.maps import without
from sdk.core.settings import Settings
from sdk.core.slice import Slice
from sdk.core.stored import PodKey
from sdk.plan.backoff import Retry


class Kind(StrEnum):
    """A part of the work, as a gerund."""

    TAKING = "taking its specification"
    LOOKING = "looking at"
    """Finding out what an instance needs."""
    COORDINATING = "coordinating its instances"
    SETTLING = "settling its instances"
    PLACING = "placing"
    HEARING = "hearing of"
    """Carrying what Mesos says into the record of an instance."""
    STORING = "storing what was decided"
    COMPARING = "comparing what is held with what is offered by"
    RELEASING = "releasing what is left on"


class Part(NamedTuple):
    """What of the work: a kind, and what it is about, an instance or a host."""

    kind: Kind
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".rstrip()


_OF_AN_INSTANCE = (Kind.LOOKING, Kind.PLACING, Kind.HEARING)
_UNTIL_RESUMED = frozenset({Kind.SETTLING, Kind.HEARING, Kind.STORING})
"""What is done by nobody when a service is looked at again: it is well unless it fails again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A part of the work that fails, by a defect or because its result cannot be stored."""

    sentence: str
    since: float
    retry: Retry


@dataclass(kw_only=True)
class Troubles(Slice):
    """See the module."""

    invalid: Map[str, str] = field(default_factory=Map)
    """Services whose published spec was refused, each with the sentence why; their old target stays."""
    faults: Map[str, Map[Part, Fault]] = field(default_factory=Map)
    """What fails, by service and part of the work; the name is empty for what concerns no service."""
    pending: Map[str, TargetChanged | TargetWithdrawn] = field(default_factory=Map)
    """What services should be, or not, that could not be taken."""
    pauses: Agenda[str] = field(default_factory=Agenda)
    """Services that are left alone, and until when."""
    broken: Map[PodKey, str] = field(default_factory=Map)
    """Instances whose stored record cannot be read, and why. They are left as they are: what nobody knows of may be
    theirs, so while there are any, no unknown task is killed and no unknown reservation released."""
    targetless: Map[str, str] = field(default_factory=Map)
    """Services whose stored target cannot be read, and why. Their instances are left as they are until the plugin says
    what the service should be."""

    def refuse(self, service: str, why: str) -> None:
        """What it should be breaks rules."""
        self.invalid = self.invalid.set(service, why)

    def accept(self, service: str) -> None:
        """What it should be is known, be it nothing."""
        self.invalid = without(self.invalid, service)
        self.targetless = without(self.targetless, service)

    def has_broken(self, service: str) -> bool:
        """Whether an instance of it cannot be read."""
        return any(key[0] == service for key in self.broken)

    def fail(self, service: str, part: Part, sentence: str, now: float, settings: Settings) -> bool:
        """A part of the work on a service failed; whether that is news."""
        found: Map[Part, Fault] = self.faults.get(service, Map())
        old = found.get(part)
        retry = Retry(due=now, delay=settings.quarantine_first) if old is None else old.retry
        if retry.due <= now:
            retry = retry.after_try(now, settings.quarantine_limit)
        fault = Fault(sentence=sentence, since=now if old is None else old.since, retry=retry)
        self.faults = self.faults.set(service, found.set(part, fault))
        if service:
            self.pauses = self.pauses.put(service, max(retry.due, self.pauses.get(service) or 0.0))
        return old is None or old.sentence != sentence

    def well(self, service: str, part: Part) -> None:
        """A part of the work did not fail, or is no more to be done."""
        found = self.faults.get(service)
        if found is not None and part in found:
            found = found.delete(part)
            self.faults = self.faults.set(service, found) if found else self.faults.delete(service)

    def paused(self, service: str, now: float) -> bool:
        """Whether the service is left alone."""
        due = self.pauses.get(service) if self.pauses else None
        return due is not None and due > now

    def unstorable(self, service: str, now: float) -> bool:
        """Whether it is left alone because it could not be stored."""
        return self.paused(service, now) and Part(Kind.STORING) in self.faults.get(service, ())

    def resumed(self, now: float) -> tuple[str, ...]:
        """The services whose pause is over; each is told once.

        What may be well by now is forgotten; when the result of this cannot be stored, it did not happen.
        """
        if self.pauses.next > now:
            return ()
        services, self.pauses = self.pauses.by(now)
        for service in services:
            for part in self.faults.get(service, ()):
                if part.kind in _UNTIL_RESUMED:
                    self.well(service, part)
        return services

    def release(self, service: str, now: float) -> None:
        """Leave the service alone no longer."""
        if service in self.faults:
            self.pauses = self.pauses.put(service, now)

    @property
    def next_turn(self) -> float:
        """When the next pause is over; infinity when there is none."""
        return self.pauses.next if self.pauses else math.inf

    def forget_instance(self, key: PodKey) -> None:
        """The instance is gone."""
        for kind in _OF_AN_INSTANCE if key[0] in self.faults else ():
            self.well(key[0], Part(kind, key[1]))

    def forget(self, service: str) -> None:
        """The service is gone."""
        self.accept(service)
        self.faults = without(self.faults, service)
        self.pending = without(self.pending, service)
        self.pauses = self.pauses.drop(service)
