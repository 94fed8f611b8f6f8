"""The HAProxy of this machine, asked whether it takes a specimen.

Knows where the files stand while it is asked. Does not know what its answers are about.
"""

import os
from contextlib import closing
from pathlib import Path

from api.validation import placeholders
from api.validation.specimen import Specimen
from pool_executor.contract import INSTANCE_FILE, KINDS
from pool_executor.lbmgr.haproxy.check import NotChecked, refusals
from pool_executor.lbmgr.haproxy.program import CHOICE, Program, find
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.structure.instance import RELAY_ENTRY, RELAY_MAP
from sdk import programs
from sdk.errors import EnvironmentProblem


def haproxy_here() -> Program:
    """The one of EDGELB_HAPROXY, else the first on the PATH. Raises NotChecked when there is none that can be used."""
    name = os.environ.get(CHOICE) or "haproxy"
    if programs.find(name) is None:
        raise NotChecked(f"there is no {name} on this machine; {CHOICE} says where one is")
    try:
        return find(name)
    except EnvironmentProblem as error:
        raise NotChecked(str(error)) from error


def refusals_of(program: Program, specimen: Specimen, timeout: float) -> list[str]:
    """What it says against the specimen, nothing when it takes it. Raises NotChecked."""
    # Its path is short enough for sockets, and one whose process was ended is removed by the next.
    with closing(SocketDirectory()) as made:
        directory = made.path
        for kind in KINDS.values():
            (directory / kind.directory).mkdir(exist_ok=True)
        (directory / RELAY_MAP).write_text(RELAY_ENTRY)
        paths = []
        for kind_name, name, content in specimen.files():
            kind = KINDS[kind_name]
            path = directory / kind.directory / name
            path.write_text(content)
            if kind_name == "config":
                paths.append(path)
        instance = specimen.instance(sockets=directory, state=directory)
        first = directory / INSTANCE_FILE
        first.write_text(instance.text("none", directory, welcome=True))
        placeholders.place((text.part for text in specimen.texts.values()), directory, Path(instance.material))
        variables = {one.name: one.value for one in specimen.pool.environment if not one.is_file}
        return refusals(program.path, [first, *sorted(paths)], timeout, variables)
