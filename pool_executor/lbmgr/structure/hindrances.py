"""All that keeps a listener from being served here: a place where it cannot listen, and files that it lacks.

Knows both kinds, and that a listener may lack several things. Does not know what follows.
"""

from collections.abc import Mapping

from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.structure.content import Content
from pool_executor.lbmgr.structure.obstacles import Obstacles
from pool_executor.lbmgr.structure.ports import Place


class Hindrances:
    """Of one instance."""

    def __init__(self, obstacles: Obstacles, certificates: Certificates) -> None:
        self._obstacles = obstacles
        self._certificates = certificates

    def first(self, content: Content, present: Content | None) -> str | None:
        """The first one of what stands in no part of its own; `present` is what HAProxy serves now, None: dead."""
        return self._obstacles.first(content, present)

    def of_listeners(self, content: Content, present: Content | None) -> Mapping[str, str]:
        """What each listener lacks that stands in a part of its own, in words, by part."""
        found = dict(self._obstacles.of_listeners(content, present))
        for name, lacks in self._certificates.obstacles(content, present).items():
            found[name] = f"{found[name]} and {lacks}" if name in found else lacks
        return found

    def place_of(self, port: str, content: Content) -> Place | None:
        """Where somebody on this machine finds who listens at the port of that name; None when nobody does."""
        return self._obstacles.place_of(port, content)

    def failed(self, content: Content, complaint: str, running: Content | None) -> bool:
        """HAProxy said this when it did not load `content`; whether it can be tried again without some listeners."""
        unbound = self._obstacles.failed(content, complaint)
        return self._certificates.blamed(complaint, running) or unbound

    def loaded(self, content: Content) -> None:
        """HAProxy was loaded anew, and serves this."""
        self._obstacles.served(content)
        self._certificates.loaded()

    @property
    def needs_reload(self) -> str | None:
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""
        return self._certificates.needs_reload
