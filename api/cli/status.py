"""`edgelb status`: what the load balancers of a pool do, how many servers each backend has, and why it is not ready."""

from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.exits import Exit
from api.cli.output import coloured, data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.cli.pool_tables import is_made_of_labels
from api.cli.wait import describe, wait_for_pool
from api.client.client import ApiClient
from api.status.states import DEGRADED, PENDING, READY, REJECTED

# The beginning of the name of a pool that is made of labels.
_PREFIX = "auto-"
_MADE_OTHERWISE = {
    REJECTED: "change labels, or edgelb pool-template update {template} TEMPLATE-FILE",
    PENDING: (
        "edgelb pool-template update {template} TEMPLATE-FILE with a role or constraints that the agents can meet, or"
        " other ports in labels"
    ),
    DEGRADED: "edgelb pool-template status {template}",
}
"""What to do about such a pool, by its state."""


@click.command()
@click.argument("name", metavar="[POOL-NAME]", required=False, shell_complete=pool_names)
@click.option("--task-ids", is_flag=True, help="Print the task ids only, one per line.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known as JSON.")
@click.option("--wait", is_flag=True, help="Wait until the pool is ready first.")
@click.option("--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to --wait.")
@client_command
def status(client: ApiClient, name: str | None, task_ids: bool, as_json: bool, wait: bool, timeout: float) -> None:
    """Show where a pool's load balancers run, what they serve, and why it is not ready.

    Without a name: the state of every pool with the first reason. Exit code 8 when the pool, or one of them, is not
    ready; with --task-ids, which asks for nothing else, 0 all the same.
    """
    if name is None:
        if wait or task_ids:
            raise click.UsageError("--wait and --task-ids need the name of a pool")
        _all(client, as_json=as_json)
        return
    if wait:
        wait_for_pool(client, name, timeout)
    found = client.status(name)
    if as_json:
        data_json(found)
    elif task_ids:
        for row in found["loadBalancers"]:
            if row["taskId"]:
                data(row["taskId"])
        return
    else:
        _one(found)
    if found["state"] != READY:
        raise SystemExit(Exit.UNHEALTHY)


def _all(client: ApiClient, *, as_json: bool) -> None:
    found = client.statuses()
    if as_json:
        data_json(found)
    else:
        rows = [(one["name"], coloured(one["state"]), _first(one)) for one in found]
        data(table(("NAME", "STATE", "WHY"), rows))
        if not found:
            talk("There are no pools yet. Next: edgelb create POOL-FILE")
    if any(one["state"] != READY for one in found):
        raise SystemExit(Exit.UNHEALTHY)


def _first(found: dict[str, Any]) -> str:
    """The first reason in one line; nothing for a pool that is well."""
    told = (found["reasons"] or [found["summary"]]) if found["state"] != READY else [""]
    return " ".join(str(told[0]).split())


def _one(found: dict[str, Any]) -> None:
    data(f"{found['name']} is {coloured(found['state'])}: {found['summary']}")
    if len(found["reasons"]) > 1:
        for reason in found["reasons"]:
            data(f"  - {reason}")
    rows = found["loadBalancers"]
    data("")
    data(
        table(
            ("NAME", "TASK ID", "STATE", "HOST", "CONFIG", "LAG"),
            list(map(_load_balancer, rows)),
        )
    )
    if found["backends"]:
        data("")
        data(table(("BACKEND", "FRONTENDS", "SERVERS", "UP", "WHY"), list(map(_backend, found["backends"]))))
    notes = [f"{row['name']}: {describe(row)}" for row in rows if _worth_telling(row)]
    notes += [f"{one['backend']}: {one['task'] or 'a server'} is left out: {one['reason']}" for one in _left_out(found)]
    notes += dict.fromkeys(one["warning"] for row in rows for one in row.get("certificates", ()) if one["warning"])
    more = (found.get("leftOutCount") or 0) - len(_left_out(found))
    notes += [f"and {more} more are left out"] if more > 0 else []
    if notes:
        data("")
    for note in notes:
        data(note)
    if found["scheduler"]["error"]:
        talk(f"Note: {found['scheduler']['error']}")
    _suggest(found)


def _state(row: dict[str, Any]) -> str:
    return str(row["state"] or ("PENDING" if row["pending"] else row["podStatus"] or "-"))


def _load_balancer(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], row["taskId"] or "-", _state(row), row["hostname"] or "-", _config(row), _lag(row)


def _lag(row: dict[str, Any]) -> str:
    """Changes of servers that it has not taken up yet."""
    endpoints = row.get("endpoints")
    if not endpoints:
        return "-"
    lag = endpoints["lag"]
    if lag is None:
        return "0"
    return f"{'all' if lag['operations'] is None else lag['operations']} ({lag['seconds']:.1f} s)"


def _config(row: dict[str, Any]) -> str:
    if not row["verdict"]:
        return "-"
    return f"{row['version'] or '-'} {row['verdict']}"


def _backend(one: dict[str, Any]) -> tuple[str, ...]:
    servers, up = ("-" if one[key] is None else str(one[key]) for key in ("servers", "up"))
    return one["name"], ", ".join(one["frontends"]) or "-", servers, up, one["reason"] or ""


def _worth_telling(row: dict[str, Any]) -> bool:
    return bool(row["pending"] or row["error"] or row["deaths"] or row["note"] or not row["current"])


def _left_out(found: dict[str, Any]) -> list[dict[str, Any]]:
    left: list[dict[str, Any]] = found.get("leftOut") or []
    return left


def _suggest(found: dict[str, Any]) -> None:
    name, state = found["name"], found["state"]
    if state == READY:
        talk(f"Next: edgelb endpoints {name}")
    elif is_made_of_labels(found) and (made := _MADE_OTHERWISE.get(state)):
        # Nobody can update a pool that is made of labels.
        talk(f"Next: {made.format(template=name.removeprefix(_PREFIX))}")
    elif state == REJECTED:
        talk(f"Next: edgelb lb-config {name}, then edgelb update POOL-FILE")
    elif (found.get("scheduler") or {}).get("waits"):
        talk("Next: edgelb doctor")
    elif state == PENDING:
        talk("Next: edgelb update POOL-FILE with a role, ports or constraints that the agents can meet")
    elif state == DEGRADED and found["doubts"]:
        talk("Next: edgelb doctor")
    elif state == DEGRADED:
        talk("Next: start what the backend selects, or edgelb update POOL-FILE with services that select it")
    else:
        talk(f"Next: edgelb status --wait {name}")
