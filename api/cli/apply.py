"""`edgelb apply`: make the pools what files say, whether they exist yet or not.

All files are read before anything is changed. A pool that is refused holds up no other.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from api.cli.client_command import POOL_NOT_FOUND, client_command
from api.cli.complaint import complaint, exit_code
from api.cli.diff import difference, rehearsed
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, talk
from api.cli.pool_file import read_pools
from api.cli.pool_tables import is_made_of_labels
from api.cli.text_file import name_of
from api.cli.wait import wait_for_end, wait_for_pool
from api.client.client import ApiClient
from api.client.errors import ApiError

_ENDINGS = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A pool and the file that it stands in."""

    name: str
    pool: dict[str, Any]
    path: str


@click.command()
@click.option(
    "--filename",
    "-f",
    "paths",
    metavar="FILE|DIRECTORY",
    multiple=True,
    required=True,
    help="A pool file (- for stdin), or a directory of .json, .yaml and .yml files; may be given several times.",
)
@click.option("--prune", is_flag=True, help="Delete the pools that no file names; those made of labels stay.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--overwrite", is_flag=True, help="Whatever pools were changed to since their files were made of them.")
@click.option("--yes", is_flag=True, help="Do not ask before pools are deleted.")
@click.option("--wait", is_flag=True, help="Wait until all are ready, and what was deleted is gone.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to --wait for each."
)
@client_command
def apply(
    client: ApiClient,
    paths: tuple[str, ...],
    prune: bool,
    dry_run: bool,
    overwrite: bool,
    yes: bool,
    wait: bool,
    timeout: float,
) -> None:
    """Create the pools of files, or update those that differ; what is as its file says is left alone.

    Each pool is told with what became of it: created, updated, unchanged, deleted or refused. One that is refused holds
    up no other, but then nothing is deleted. A pool file with an etag is refused when somebody changed the pool since.
    """
    wanted = [_untagged(one) if overwrite else one for one in _wanted(paths)]
    surplus = _surplus(client, wanted) if prune else []
    if dry_run:
        _show(client, wanted, surplus)
        return
    if surplus and not yes:
        _ask(surplus)
    refused: list[ApiError] = []
    changed: list[str] = []
    for one in wanted:
        try:
            done = _applied(client, one, overwrite=overwrite)
        except ApiError as error:
            refused.append(error)
            talk(f"pool {one.name} of {name_of(one.path)} refused: {complaint(error)}{_remedy(error, one)}")
            continue
        data(f"pool {one.name} {done}")
        changed.append(one.name)
    if refused:
        kept = f"; {', '.join(surplus)} would have been deleted" if surplus else ""
        raise Failure(f"{len(refused)} of {len(wanted)} pools refused{kept}", exit_code(refused[0]))
    for name in surplus:
        client.delete(name)
        data(f"pool {name} deleted")
    if wait:
        for name in changed:
            wait_for_pool(client, name, timeout)
        for name in surplus:
            wait_for_end(client, name, timeout)


def _files(path: str) -> list[str]:
    """What is read for one argument; a directory means the pool files that lie in it directly."""
    if path == "-" or not Path(path).is_dir():
        return [path]
    found = sorted(str(each) for each in Path(path).iterdir() if each.suffix in _ENDINGS and each.is_file())
    if not found:
        raise Failure(f"{path} has no files that end with {', '.join(_ENDINGS)}", Exit.USAGE)
    return found


def _wanted(paths: Iterable[str]) -> Iterator[Wanted]:
    """All pools of all files; Failure for one without a name, and for a name that stands in two files."""
    seen: dict[str, str] = {}
    for path in (each for given in paths for each in _files(given)):
        for pool in read_pools(path):
            name = pool.get("name")
            if not isinstance(name, str) or not name:
                raise Failure(f"{name_of(path)}: pool.name: is required, it says which pool is meant", Exit.REFUSED)
            if name in seen:
                raise Failure(f"pool {name} stands in {name_of(seen[name])} and in {name_of(path)}", Exit.USAGE)
            seen[name] = path
            yield Wanted(name=name, pool=pool, path=path)


def _untagged(one: Wanted) -> Wanted:
    """Whatever the pool is now."""
    return replace(one, pool={key: value for key, value in one.pool.items() if key != "etag"})


def _surplus(client: ApiClient, wanted: Iterable[Wanted]) -> list[str]:
    """Names of pools that people made and no file names."""
    named = {one.name for one in wanted}
    return sorted(pool["name"] for pool in client.pools() if pool["name"] not in named and not is_made_of_labels(pool))


def _ask(surplus: list[str]) -> None:
    what = f"{len(surplus)} pool{'s' if len(surplus) > 1 else ''} that no file names: {', '.join(surplus)}"
    if not sys.stdin.isatty():
        raise Failure(f"this would delete {what}; add --yes where nobody can be asked", Exit.USAGE)
    talk(f"This deletes {what}.")
    click.confirm("Delete?", abort=True, err=True)


def _applied(client: ApiClient, one: Wanted, *, overwrite: bool) -> str:
    """What became of the pool; ApiError when it was refused."""
    told, there = rehearsed(client, one.name, one.pool)
    if not there:
        answer, done = client.create(_untagged(one).pool), "created"
    elif not told["changed"]:
        return "unchanged"
    else:
        answer, done = client.update(one.name, one.pool, etag="*" if overwrite else None), "updated"
    for warning in answer.warnings:
        talk(f"Warning: {warning}")
    return done


def _remedy(error: ApiError, one: Wanted) -> str:
    if error.status in (412, 428):
        return f" (edgelb show {one.name} --json shows what it is now; --overwrite replaces it all the same)"
    if error.status == 404 and error.message == POOL_NOT_FOUND:
        return ": it was deleted meanwhile; apply again"
    return ""


def _show(client: ApiClient, wanted: Iterable[Wanted], surplus: Iterable[str]) -> None:
    """What would be done, pool by pool; Failure at the end when some would be refused."""
    refused: list[ApiError] = []
    for one in wanted:
        try:
            told, _ = rehearsed(client, one.name, one.pool)
        except ApiError as error:
            refused.append(error)
            talk(f"pool {one.name} of {name_of(one.path)} would be refused: {complaint(error)}{_remedy(error, one)}")
            continue
        for warning in told["warnings"]:
            talk(f"Warning: {warning}")
        data("\n".join(difference(one.name, told, brief=True)))
    for name in surplus:
        data(f"{name} is deleted.")
    if refused:
        raise Failure(f"{len(refused)} would be refused", exit_code(refused[0]))
