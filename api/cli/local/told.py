"""What a running stack says: to whoever watches its terminal, and to the files in `logs`."""

from contextlib import suppress

from api.cli.child_output import LogFiles
from api.cli.local.follow import stamped
from api.cli.output import data


def show(line: str) -> None:
    """A line for whoever watches. A terminal that is gone, or a log on a full disk, ends no stack."""
    with suppress(OSError):
        data(line)


class Told(LogFiles):
    """Child processes log to files; what is said of them, such as that one died, is on the terminal, too."""

    def told(self, name: str, sentence: str) -> None:
        """Tell it both."""
        show(stamped(name, sentence))
        super().told(name, sentence)


class Unheard:
    """Output of a stack that is only asked, never started."""

    def line(self, name: str, text: str) -> None:
        """Nothing comes."""

    def told(self, name: str, sentence: str) -> None:
        """Nothing happens."""
