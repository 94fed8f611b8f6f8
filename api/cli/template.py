"""The commands for HAProxy templates of pools: template show, create, update, delete."""

import click

from api.cli.client_command import client_command
from api.cli.output import data, talk
from api.cli.pool_names import pool_names
from api.cli.text_file import read_text
from api.client.client import ApiClient


@click.group()
def template() -> None:
    """Change what of HAProxy's configuration no field of a pool says.

    A template holds blocks that are to be otherwise than by default; everything else stays as it is, also in later
    releases.
    """


@template.command()
@click.argument("name", metavar="[POOL-NAME]", required=False, shell_complete=pool_names)
@client_command
def show(client: ApiClient, name: str | None) -> None:
    """Print the template of a pool, or the default one, which tells what can be changed."""
    data(client.lb_template(name).rstrip("\n"))


@template.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("template_file", metavar="TEMPLATE-FILE")
@client_command
def create(client: ApiClient, name: str, template_file: str) -> None:
    """Give a pool a template of its own (- for stdin). It is refused where HAProxy would refuse the result."""
    _upload(client, name, template_file)
    data(f'Successfully created the template of {name}. Check "edgelb status {name}" for deployment status')


@template.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@click.argument("template_file", metavar="TEMPLATE-FILE")
@client_command
def update(client: ApiClient, name: str, template_file: str) -> None:
    """Replace the template of a pool (- for stdin)."""
    _upload(client, name, template_file)
    data(f'Successfully updated the template of {name}. Check "edgelb status {name}" for deployment status')


@template.command()
@click.argument("name", metavar="POOL-NAME", shell_complete=pool_names)
@client_command
def delete(client: ApiClient, name: str) -> None:
    """Let a pool have the default template again."""
    client.delete_lb_template(name)
    data(f"Successfully deleted the template of {name}. It has the default template again.")


def _upload(client: ApiClient, name: str, template_file: str) -> None:
    for warning in client.set_lb_template(name, read_text(template_file)):
        talk(f"Warning: {warning}")
