"""What of a pool is the same, as an object, as in one that breaks no rule: it breaks none by itself."""

from scheduler.pools.model import Backend, Frontend, Pool


class Same:
    """With that pool; None: nothing is."""

    def __init__(self, sound: Pool | None) -> None:
        self._sound = sound  # as long as it lives, nothing else has the identity of what it holds
        self._backends = frozenset(map(id, sound.haproxy.backends)) if sound is not None else frozenset()
        self._rules: dict[str, frozenset[int]] = {}
        if sound is not None:
            self._rules = {
                f"{one.name} {one.protocol}": frozenset(map(id, one.link_backend.map))
                for one in sound.haproxy.frontends
            }

    def has(self, backend: Backend | None) -> bool:
        """Whether it is there as it is here."""
        return id(backend) in self._backends

    def rules(self, frontend: Frontend) -> frozenset[int]:
        """The identities of the rules that its frontend has there, if that speaks the same protocol."""
        return self._rules.get(f"{frontend.name} {frontend.protocol}", frozenset())
