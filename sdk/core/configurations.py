"""What services should be and what their instances keep: the target changes, is dropped, or goes with all else.

Each change is stored with what follows from it for the configurations that instances have until a rolling update gets
to them.
"""

from dataclasses import replace

from sdk.core.effects import DeleteService, StoreEarlier, StoreTarget
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.plan.wish import Target


def set_target(frame: Frame, name: str, target: Target) -> None:
    """Change what a service should be."""
    before = frame.targets.get(name)
    frame.roles.set_target(name, before, target)
    frame.stored.targets = frame.targets.set(name, target)
    if before is not None:
        _keep_earlier(frame, name, before, target)
    frame.store(("target", name), StoreTarget(config=target.config, spec=target.spec))
    frame.touch(name)


def _keep_earlier(frame: Frame, name: str, before: Target, target: Target) -> None:
    """Instances that have been ready as they are stay so until a rolling update gets to them."""
    for key in sorted(frame.index.services.of(name)):
        record = frame.pods[key]
        old, new = before.pods.get(record.pod), target.pods.get(record.pod)
        if old is None or new is None:
            continue
        config = record.earlier or (old.config if record.deployed == old.config else None)
        config = None if config == new.config else config
        if config == old.config and (name, config) not in frame.stored.earlier:
            frame.stored.earlier = frame.stored.earlier.set((name, config), old.spec)
            frame.store(("earlier", name, config), StoreEarlier(service=name, config=config, spec=old.spec))
        frame.put(replace(record, earlier=config))


def drop_target(frame: Frame, name: str) -> None:
    """A service should not be there any more; what is stored of it goes with its last instance."""
    frame.roles.set_target(name, frame.targets.get(name), None)
    frame.stored.targets = without(frame.targets, name)


def delete_service(frame: Frame, name: str) -> None:
    """Forget a service of which no instance is left."""
    frame.work.forget_service(name)
    frame.troubles.forget(name)
    for service, config in [found for found in frame.stored.earlier if found[0] == name]:
        frame.drop_earlier(service, config)
    frame.store_nothing(("target", name))
    frame.store_nothing(("versions", name))
    frame.store(("service", name), DeleteService(service=name))
