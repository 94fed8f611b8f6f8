"""What `bin/up` asks before it makes the virtual environment: is there room, and are the ports free?

`python3 -m api.cli.local.beforehand DIRECTORY MASTERS [BASE_PORT]` prints the sentence and ends with 4 when not. Needs
nothing but Python's own library; the same is looked at once more when the stack starts.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from api.cli.local import disk, ports
from api.cli.local.layout import DEFAULT_BASE_PORT, Layout
from api.cli.local.place import Place
from sdk.errors import EnvironmentProblem

REFUSED = 4


def main(arguments: Sequence[str]) -> int:
    """The process."""
    place = Place(Path(arguments[0]).resolve())
    if place.running() is not None:
        return 0
    base_port = int(arguments[2]) if len(arguments) > 2 else place.base_port or DEFAULT_BASE_PORT
    try:
        disk.check(place.directory)
        ports.check(Layout(directory=place.directory, base_port=base_port, masters=int(arguments[1])))
    except EnvironmentProblem as problem:
        sys.stdout.write(f"{problem}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
