"""The running stack that a fault is for, found as `edgelb local ps` finds it, and how people are told what was done."""

import json
import shlex
from pathlib import Path

import click
from click.core import ParameterSource

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.local.place import Place, command
from api.cli.output import data, talk
from sdk.local.faults import FaultInjector, KnownAddresses


class Session:
    """The faults of the stack that runs from a directory, and a voice."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        place = Place(directory.resolve())
        if place.running() is None:
            raise Failure(f"no stack is running from {directory}; {place.command('up')} starts one", Exit.UNREACHABLE)
        try:
            urls = json.loads(place.urls.read_text())
            self.addresses = KnownAddresses(masters=urls["masters"], agents=urls["agents"])
        except OSError:
            raise Failure(
                f"the stack in {directory} is still starting; try again once its traffic flows", Exit.UNREACHABLE
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(str(place.other_version()), Exit.FAILED) from error
        self.faults = FaultInjector(self.addresses)

    def command(self, verb: str) -> str:
        """`bin/up` or `bin/down` as it has to be typed for this stack."""
        return command(verb, self._directory)

    def say(self, did: str, seen: str | None, undo: str | None) -> None:
        """What was done, what will be seen, and the command that undoes it."""
        data(did)
        if seen is not None:
            talk(f"Next: {seen}")
        if undo is not None:
            self.tell_undo(undo)

    def tell_undo(self, command: str) -> None:
        """The command that undoes something, for the directory that was given."""
        given = click.get_current_context().get_parameter_source("directory") is not ParameterSource.DEFAULT
        where = f" --directory {shlex.quote(str(self._directory))}" if given else ""
        talk(f"Undo: edgelb local fault {command}{where}")
