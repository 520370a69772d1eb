"""`newsletter completion`: the script by which a shell completes what is typed."""

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.errors import NewsletterError

_VARIABLE = "_NEWSLETTER_COMPLETE"  # by which the script asks, as click derives it from our name


@click.command(epilog=examples("completion bash", "completion zsh", "completion fish"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@command
def completion(session: Session, shell: str) -> None:
    """Print the script by which a shell completes commands, options and issues."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    program = click.get_current_context().find_root().command
    try:
        script = kind(program, {}, "newsletter", _VARIABLE).source()
    except OSError as error:  # bash is asked for its version
        raise NewsletterError(
            f"{shell} cannot be started: {error.strerror}",
            where=shell,
            hint="Let this user start more programs, or end some, then run it again.",
        ) from error
    if session.json:
        session.emit({"shell": shell, "script": script})
    else:
        click.echo(script, nl=False)
