"""The persistent volumes of an instance as JSON. Pure."""

from typing import Any

from sdk.model.records import Holding
from sdk.model.resources import MILLI, Resource
from sdk.model.volumes import DiskType

Json = dict[str, Any]


def told(holding: Holding | None) -> Json:
    """The field `volumes`, where there are some; sizes in MB."""
    if holding is None or not holding.volumes:
        return {}
    disks = {resource.volume: resource for resource in holding.resources}
    return {
        "volumes": [
            {
                "name": volume.name,
                "task": volume.task,
                "id": volume.id,
                "hostname": holding.hostname,
                "type": _type(disk),
                "size": (disk.scalar or 0) / MILLI,
                "made": volume.made,
                "destroy": volume.destroy,
            }
            for volume in holding.volumes
            if (disk := disks.get(volume.id)) is not None
        ]
    }


def _type(disk: Resource) -> str:
    source = None if disk.disk is None else disk.disk.source
    return DiskType.ROOT.value if source is None else source.type
