"""`edgelb login`, `logout`, `whoami` and `user`: who somebody is to the API, and who its users are."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from api.cli.client_command import client_command, client_of, told
from api.cli.client_options import ClientOptions, client_options
from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.output import data, data_json, talk
from api.client.client import ApiClient
from api.client.logins import Login, Logins, LoginsUnusable
from api.users.user import Role
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret


@click.command()
@client_options
@click.pass_context
def login(context: click.Context) -> None:
    """Log in to the API with user and password, for the commands of the next twelve hours.

    Both are asked for where --user and --password-file do not say them. What is kept is a session, in a file that only
    you can read; not the password.
    """
    options = context.ensure_object(ClientOptions)
    user = options.user or click.prompt("User", err=True)
    client = _client_with_password(options, user, _password(options.password_file, f"Password of {user}"))
    with told():
        session = client.open_session()
    logins = Logins.of(os.environ)
    kept = Login(user=session["user"], token=session["token"], expires=session["expires"])
    try:
        logins.put(client.base, kept)
    except LoginsUnusable as error:
        raise Failure(str(error), Exit.FAILED) from error
    until = datetime.fromtimestamp(kept.expires, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    data(f"You are {_who(session)} at {client.base} until {until}.")


@click.command()
@client_options
@click.pass_context
def logout(context: click.Context) -> None:
    """Forget the session that edgelb login opened."""
    base = client_of(context.ensure_object(ClientOptions)).base
    try:
        removed = Logins.of(os.environ).remove(base)
    except LoginsUnusable as error:
        raise Failure(str(error), Exit.FAILED) from error
    data(f"The session at {base} is forgotten." if removed else f"There was no session at {base}.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@client_command
def whoami(client: ApiClient, as_json: bool) -> None:
    """Say who you are to the API, and what you may change."""
    found = client.whoami()
    if as_json:
        data_json(found)
    elif found["way"] == "none":
        data(f"{client.base} asks nobody who he is: everybody may change everything.")
    else:
        data(f"You are {_who(found)} at {client.base}.")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What the user is for.")
@click.option(
    "--pools", multiple=True, metavar="PATTERN", help="What an operator may change, such as shop-*; may be repeated."
)
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Holds the password; else it is asked for."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a new token for the user there, instead of a password.",
)
def user(name: str, role: str, pools: tuple[str, ...], password_file: Path | None, token_file: Path | None) -> None:
    """Print the entry of a user for the file of EDGELB_API_CREDENTIALS_FILE."""
    from werkzeug.security import generate_password_hash

    from api.users.users import token_hash
    from api.users.users_file import BadUsers, parse_users

    if password_file is not None and token_file is not None:
        raise click.UsageError("--password-file and --token-file cannot be given together")
    token = secrets.token_urlsafe(32)
    lines = [f"[{_key(name)}]", f'role = "{role}"']
    if pools:
        lines.append(f"pools = [{', '.join(map(_text, pools))}]")
    entry = "\n".join([*lines, f'tokens = ["{token_hash(token)}"]'])
    try:
        parse_users(entry)
    except BadUsers as error:
        raise click.UsageError(f"the entry {error}") from error
    if token_file is None:
        password = _password(password_file, f"New password of {name}", confirmed=True)
        entry = "\n".join([*lines, f'password = "{generate_password_hash(password)}"'])
    else:
        _write_new(token_file, token)
        talk(f"The token is in {token_file}; only its hash is in the entry.")
    data(f"{entry}\n")


def _client_with_password(options: ClientOptions, user: str, password: str) -> ApiClient:
    try:
        client = ApiClient(
            options.api,
            credentials=(user, password),
            ca=options.ca,
            trace=talk if options.verbose else None,
        )
    except ValueError as error:
        raise Failure(f"--api or EDGELB_API: {error}", Exit.USAGE) from error
    if client.transport.in_clear:
        talk(f"{client.base} speaks no TLS: everybody on the way can read the password.")
    return client


def _password(file: Path | None, prompt: str, *, confirmed: bool = False) -> str:
    if file is None:
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirmed, err=True))
    try:
        return read_secret(file, "password-file")
    except InvalidSpec as error:
        raise Failure(str(error), Exit.USAGE) from error


def _write_new(path: Path, token: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise Failure(f"--token-file: {path} cannot be made: {error.strerror}", Exit.USAGE) from error


def _who(found: dict[str, object]) -> str:
    pools = found["pools"]
    of = f" of {', '.join(map(str, pools))}" if isinstance(pools, list) and pools else ""
    return f"{found['user']}, {found['role']}{of},"


def _key(name: str) -> str:
    """The name as a key of TOML."""
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _text(name)


def _text(text: str) -> str:
    """As TOML has it; what needs more than quotes fits no rule anyway."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
