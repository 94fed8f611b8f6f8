"""`edgelb help`: what `--help` says, for those who ask so."""

import click


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command, or what there is."""
    current = context.parent
    assert current is not None
    for word in words:
        group = current.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{current.command_path} has no commands of its own", current)
        name, command, _ = group.resolve_command(current, [word])
        assert command is not None
        current = click.Context(command, parent=current, info_name=name, **command.context_settings)
    click.echo(current.get_help())
