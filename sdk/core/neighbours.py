"""Where instances are, as placement rules ask while one batch of offers is used: found once, and kept up from then on.

Knows which records a rule means; what the rule makes of them is in `sdk.offer.rules`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.model.placement import ANY_SERVICE, OWN, Instances
from sdk.model.records import PodRecord
from sdk.offer.place import Others, Place, Places


class _Selected(NamedTuple):
    """Which instances, whoever asks; None stands for all."""

    service: str | None
    pod: str | None
    task: str | None
    siblings: bool
    """Asked for by one of them: they are told apart by their names within the service."""

    def holds(self, record: PodRecord) -> bool:
        """Whether an instance is one of them."""
        return (
            self.service in (None, record.service)
            and self.pod in (None, record.pod)
            and (self.task is None or any(task.name == self.task for task in record.tasks))
        )

    def name(self, record: PodRecord) -> str:
        """What the instance is called."""
        return record.name if self.siblings else f"{record.service}/{record.name}"


class Neighbourhood:
    """All that are asked for during one batch."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._places: dict[_Selected, Places] = {}

    def around(self, key: PodKey) -> "Around":
        """What the rules of one instance may ask."""
        return Around(self, self._frame.pods[key])

    def placed(self, key: PodKey) -> None:
        """An instance has another place."""
        record = self._frame.pods[key]
        for selected, places in self._places.items():
            if selected.holds(record):
                name = selected.name(record)
                place = _place(record, name)
                places.drop(name) if place is None else places.put(place)

    def select(self, selected: _Selected) -> Places:
        """Where they are."""
        found = self._places.get(selected)
        if found is None:
            records = (record for record in self._records(selected.service) if selected.holds(record))
            places = (_place(record, selected.name(record)) for record in records)
            found = self._places[selected] = Places(place for place in places if place is not None)
        return found

    def _records(self, service: str | None) -> Iterator[PodRecord]:
        index = self._frame.index.services
        for name in sorted(index) if service is None else (service,):
            for key in sorted(index.of(name)):
                yield self._frame.pods[key]


class Around:
    """The neighbours of one instance, which does not stand in its own way."""

    def __init__(self, neighbourhood: Neighbourhood, record: PodRecord) -> None:
        self._neighbourhood = neighbourhood
        self._record = record
        self._own: Others | None = None
        self._others: dict[Instances, Others] = {}

    def of(self, which: Instances) -> Others:
        """Those that are selected, but for the instance itself."""
        if which is OWN:  # as nearly always: nothing has to be compared
            if self._own is None:
                self._own = self._find(which)
            return self._own
        found = self._others.get(which)
        if found is None:
            found = self._others[which] = self._find(which)
        return found

    def _find(self, which: Instances) -> Others:
        selected = self._selected(which)
        return Others(self._neighbourhood.select(selected), selected.name(self._record))

    def _selected(self, which: Instances) -> _Selected:
        record = self._record
        if which.own:
            return _Selected(record.service, record.pod, None, siblings=True)
        service = None if which.service == ANY_SERVICE else which.service or record.service
        return _Selected(service, which.pod, which.task, siblings=False)


def _place(record: PodRecord, name: str) -> Place | None:
    """Where an instance is; None while it is nowhere."""
    holding = record.holding
    if holding is None:
        return None
    return Place(
        hostname=holding.hostname,
        agent_id=holding.agent_id,
        region=holding.region,
        zone=holding.zone,
        attributes=holding.attributes,
        instance=name,
    )
