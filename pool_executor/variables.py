"""The variables that a pool gives to its load balancers: some are for HAProxy, some are written to files."""

from collections.abc import Mapping

from pool_executor.contract import ENVFILE
from pool_executor.lbmgr.certificates.material import Material, file_problem

_FILE = "ELB_FILE_"


def for_haproxy(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Those that HAProxy is given."""
    return {name: value for name, value in environment.items() if not name.startswith(_FILE)}


def fill(material: Material, environment: Mapping[str, str]) -> None:
    """Give the instance the files that came as variables; one that cannot be a file is missing, with the reason."""
    files, troubles = {}, {}
    for name, value in environment.items():
        if name.startswith(_FILE):
            data = value.encode()
            if problem := file_problem(name, data):
                troubles[name] = problem
            else:
                files[name] = data
    material.fill(ENVFILE, files, troubles)
