"""The command that judges pool files: validate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.complaint import complaint
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, talk
from api.cli.pool_file import read_pools
from api.client.client import ApiClient
from api.client.errors import ApiError

Verdict = dict[str, Any]


@click.command()
@click.argument("pool_file", metavar="POOL-FILE")
@click.option("--offline", is_flag=True, help="Judge it here, with the HAProxy of this machine; asks no server.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON, of several pools a list.")
@client_command
def validate(client: ApiClient, pool_file: str, offline: bool, as_json: bool) -> None:
    """Say whether a pool file would be accepted, without storing it (- for stdin).

    The pool is checked and rendered, and HAProxy is asked whether it takes the result; what it complains about is told
    with the field of the pool that it comes from.
    """
    pools = read_pools(pool_file)
    with _judging(client, offline) as judge:
        verdicts = [judge(pool) for pool in pools]
    if as_json:
        data_json(verdicts if len(pools) > 1 else verdicts[0])
    refused = []
    for pool, found in zip(pools, verdicts, strict=True):
        name, which = pool.get("name"), f"{pool.get('name')}: " if len(pools) > 1 else ""
        for warning in found["warnings"]:
            talk(f"Warning: {which}{warning}")
        if not found["valid"]:
            refused.append(f"{which}{complaint(_error(found))}")
        elif not as_json:
            taken = f"HAProxy {found['haproxy']} takes it" if found["haproxy"] else "HAProxy was not asked"
            data(f"{name} is valid: {taken}.")
    if refused:
        raise Failure("\n".join(refused), Exit.REFUSED)


@contextmanager
def _judging(client: ApiClient, offline: bool) -> Iterator[Callable[[dict[str, Any]], Verdict]]:
    if not offline:
        yield client.validate
        return
    # What the API server would do; whoever asks a server does not have to wait for these imports.
    from api.routes.judging import verdict
    from api.routes.pool_forms import V1, V2
    from api.validation.trials import Trials

    trials = Trials()
    try:
        yield lambda pool: verdict(trials, V1 if pool.get("apiVersion") == "V1" else V2, _untagged(pool))
    finally:
        trials.stop()


def _untagged(pool: dict[str, Any]) -> dict[str, Any]:
    """Which state of the pool was read says nothing of its content."""
    return {key: value for key, value in pool.items() if key != "etag"}


def _error(found: Verdict) -> ApiError:
    told = tuple(str(one["detail"]) for one in found["errors"])
    return ApiError(400, "; ".join(told), errors=told, more=found["moreErrors"])
