"""`edgelb explain`: where a request goes, and why, in the order in which a load balancer looks at it."""

from collections.abc import Iterator
from typing import Any

import click

from api.cli.client_command import client_command
from api.cli.output import data, data_json, table, talk
from api.cli.pool_names import pool_names
from api.client.client import ApiClient

Json = dict[str, Any]


@click.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("url", metavar="URL")
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request, as Host or Cookie."
)
@click.option("--sni", metavar="HOST", help="The name that a client of TLS asks for, if it is not that of the URL.")
@click.option("--frontend", metavar="NAME", help="The listener that is asked, whatever the port of the URL.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@client_command
def explain(
    client: ApiClient,
    name: str,
    url: str,
    headers: tuple[str, ...],
    sni: str | None,
    frontend: str | None,
    as_json: bool,
) -> None:
    """Explain where a pool sends a request: listener, rule, backend, servers, and why earlier rules do not match.

    Nothing is sent to the load balancers. The pool is taken as it is stored, the servers as they are published.
    """
    question = {"url": url, "headers": dict(map(_header, headers)), "sni": sni, "frontend": frontend}
    found = client.explain(name, {key: value for key, value in question.items() if value})
    if as_json:
        data_json(found)
        return
    data(found["result"])
    if steps := list(_steps(found)):
        data("")
        data(table(("STEP", "WHAT", "WHY"), steps))
    if found["servers"]:
        data("")
        rows = [
            (one["name"], _at(one), one["state"], _word(one["weight"]), one["task"] or "-") for one in found["servers"]
        ]
        data(table(("SERVER", "AT", "STATE", "WEIGHT", "TASK"), rows))
    if found["serversLeftOut"]:
        data(f"and {found['serversLeftOut']} more")
    for note in found["notes"]:
        talk(f"Note: {note}")
    if found["state"] != "ready":
        talk(f"Note: the pool is {found['state']}: {found['summary']}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise click.BadParameter(f"{text!r} is not of the form 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()


def _steps(found: Json) -> Iterator[tuple[str, str, str]]:
    if (listener := found["listener"]) is not None:
        ports = ", ".join(map(str, listener["ports"])) or "any port of the offer"
        yield "listener", f"{listener['frontend']} ({listener['protocol']})", f"{listener['address']}, port {ports}"
        if listener["certificates"]:
            yield (
                "certificate",
                ", ".join(listener["certificates"]),
                f"asked for {found['request']['sni'] or 'no name'}",
            )
    if (redirect := found["redirect"]) is not None:
        yield "redirect", f"{redirect['status']} {redirect['location']}", redirect["by"]
    if found["rulesLeftOut"]:
        yield "rules", f"{found['rulesLeftOut']} others", "nothing of them holds, or they are too many to be shown"
    for rule in found["rules"]:
        conditions = ", ".join(f"{name} {_condition(value)}" for name, value in rule["conditions"].items())
        yield f"map[{rule['rule']}]", conditions, rule["why"] or f"matches: {rule['backend']}"
    if (backend := found["backend"]) is not None:
        yield "backend", f"{backend['name']} ({backend['protocol']}, {backend['balance']})", backend["by"]
    if (sent := found["sent"]) is not None:
        yield "sent", f"{'https' if sent['tls'] else 'http'}://{sent['host']}{sent['path']}", "; ".join(sent["headers"])


def _condition(value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return " and ".join(" ".join(map(str, one.values())) for one in value)
    return _word(value)


def _word(value: object) -> str:
    if value is None:
        return "-"
    return " or ".join(map(str, value)) if isinstance(value, list) else str(value)


def _at(server: Json) -> str:
    address = server["address"]
    return f"[{address}]:{server['port']}" if ":" in address else f"{address}:{server['port']}"
