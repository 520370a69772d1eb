"""What all commands share: loading them lazily, errors, JSON, and the open project."""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click

from newsletter import __version__
from newsletter.errors import FindingsError, Interrupted, NewsletterError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from newsletter.project import Project
    from newsletter.store import Store

P = ParamSpec("P")
R = TypeVar("R")


class Group(click.Group):
    """The top level: knows the name and help line of each command, loads it when it is called."""

    def __init__(self, commands: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(
            name="newsletter",
            help="A newsletter as a folder in git.",
            params=[
                click.Option(
                    ["--project"],
                    type=click.Path(path_type=Path, file_okay=False, exists=True),
                    envvar="NEWSLETTER_PROJECT",
                    help="The newsletter's folder, if it is not the current one or above.",
                ),
                click.Option(
                    ["--debug"], is_flag=True, help="Show where in the code an error came from."
                ),
            ],
            callback=_open_session,
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        click.version_option(__version__, prog_name="newsletter")(self)
        self._lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module = importlib.import_module(f"newsletter.cli.{self._lazy[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._lazy and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], self._lazy, n=1)
            advice = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}.{advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])


class Session:
    """One call of the command line: its project, its store, and how it prints."""

    def __init__(self, folder: Path | None, debug: bool) -> None:
        self._folder = folder
        self.debug = debug
        self.json = False
        self._stores: list[Store] = []

    @cached_property
    def project(self) -> "Project":
        from newsletter.project import Project

        return Project.open(self._folder)

    @cached_property
    def store(self) -> "Store":
        """The project's store, opened at first use and closed with the command."""
        from newsletter.store import open_store

        store = open_store(self.project.settings.store.url, self.project.root)
        self._stores.append(store)
        return store

    @cached_property
    def console(self) -> "Console":
        """Standard output for people: colours and tables when it is a terminal."""
        from rich.console import Console

        return Console(
            markup=False, emoji=False, highlight=False, soft_wrap=not sys.stdout.isatty()
        )

    @cached_property
    def notes(self) -> "Console":
        """Standard error for people: progress, findings, what to do next."""
        from rich.console import Console

        return Console(
            stderr=True,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=not sys.stderr.isatty(),
        )

    def table(self, *columns: str, header: bool = True) -> "Table":
        """A table in the one look of this command line."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD if header else None, show_header=header, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        return table

    def emit(self, value: Mapping[str, Any]) -> None:
        """Print one JSON object as one line."""
        click.echo(json.dumps(value, ensure_ascii=False, default=str))

    def close(self) -> None:
        for store in self._stores:
            store.close()


def _open_session(project: Path | None, debug: bool) -> None:
    context = click.get_current_context()
    context.obj = Session(project, debug)
    context.call_on_close(context.obj.close)


def command(function: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Give a command its Session and a --json flag (`session.json`)."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        session = click.get_current_context().find_object(Session)
        assert session is not None
        session.json = bool(kwargs.pop("as_json"))
        return function(session, *args, **kwargs)

    return update_wrapper(wrapped, function)


def run(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code: the one place that catches everything."""
    arguments = sys.argv[1:] if arguments is None else arguments
    wants_json = "--json" in arguments or _value_of("--format", arguments) == "json"
    debug = "--debug" in arguments
    try:
        result = group.main(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(result if isinstance(result, int) else 0)
    except click.ClickException as error:
        usage = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else ""
        _report(error.format_message(), "usage", "", usage, error.exit_code, wants_json)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        with _debugging(debug):
            _report("interrupted", Interrupted.code, "", "", 130, wants_json)
        sys.exit(130)
    except NewsletterError as error:
        with _debugging(debug):
            show_error(error, wants_json)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output left, as `| head` does: nothing to say, nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 -- the command line's last resort: no traceback
        with _debugging(debug):
            _report(
                f"an error in newsletter itself: {type(error).__name__}: {error}",
                "internal",
                "",
                "Run it again with --debug and report what it prints.",
                1,
                wants_json,
            )
        sys.exit(1)


def show_error(error: NewsletterError, wants_json: bool) -> None:
    """Print an error as every command does: JSON on stdout, or lines for people on stderr."""
    if isinstance(error, FindingsError) and not wants_json:
        for finding in error.findings:
            click.echo(str(finding), err=True)
    _report(error.message, error.code, error.where, error.hint, error.exit_code, wants_json)


def _report(
    message: str, code: str, where: str, hint: str, exit_code: int, wants_json: bool
) -> None:
    if wants_json:
        parts = {"code": code, "message": message, "where": where, "hint": hint}
        click.echo(json.dumps({"error": parts}, ensure_ascii=False))
        return
    place = f"{where}: " if where else ""
    separator = "\n  " if "\n" in message else ""
    label = click.style("error", fg="red", bold=True)
    click.echo(f"{label}: {place}{separator}" + message.replace("\n", "\n  "), err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


@contextmanager
def _debugging(debug: bool) -> Iterator[None]:
    if debug:
        traceback.print_exc()
    yield


def _value_of(option: str, arguments: list[str]) -> str | None:
    for index, argument in enumerate(arguments):
        if argument == option and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None
