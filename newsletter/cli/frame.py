"""What all commands share: loading them lazily, errors, JSON, and the open project."""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TextIO, TypeVar

import click

from newsletter import __version__
from newsletter.cli.failures import as_ours, exit_code, unraisable
from newsletter.errors import STANDARD_OUTPUT, FindingsError, NewsletterError, UsageError
from newsletter.gate import masked, visible, visible_json
from newsletter.platforms import IS_WINDOWS, needs_posix

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from newsletter.cli.logged import LoggedCall
    from newsletter.cli.screen import Screen, ScreenTable
    from newsletter.project import Project
    from newsletter.store import Store
    from newsletter.times import Clock

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_PLAIN = ("dumb", "unknown")  # terminals that know no escape codes

P = ParamSpec("P")
R = TypeVar("R")


class Group(click.Group):
    """The top level: knows the name and help line of each command, and loads it when it is
    called."""

    def __init__(
        self, commands: Mapping[str, tuple[str, str]], posix: Collection[str] = ()
    ) -> None:
        super().__init__(
            name="newsletter",
            help="A newsletter as a folder in git.",
            params=[
                click.Option(
                    ["--project"],
                    type=_FOLDER,
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
        self._posix = posix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        if cmd_name in self._posix:
            needs_posix(f"newsletter {cmd_name}")
        module = importlib.import_module(f"newsletter.cli.{self._lazy[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        is_unknown = args and args[0] not in self._lazy and not args[0].startswith("-")
        if is_unknown and not ctx.resilient_parsing:
            from newsletter.meant import meant

            close = meant(args[0], self._lazy)
            advice = f" Did you mean {close!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}.{advice}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """The commands and options that begin so; loads no command for it."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in self._lazy.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
        except BaseException as error:
            _end(ctx, exit_code(error))
            if isinstance(error, BrokenPipeError) and error.filename not in (None, STANDARD_OUTPUT):
                raise as_ours(error) from error  # or click takes it for one of our output
            raise
        _end(ctx, result if isinstance(result, int) else 0)
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])


class Session:
    """One call of the command line: its project, its store, and how it prints."""

    def __init__(self, folder: Path | None, debug: bool) -> None:
        self.folder = folder
        self.debug = debug
        self.json = False
        self._stores: list[Store] = []
        self._log: LoggedCall | None = None

    @cached_property
    def project(self) -> "Project":
        from newsletter.cli.logged import LoggedCall
        from newsletter.project import Project

        project = Project.open(self.folder)
        self._log = LoggedCall(project.settings.log, click.get_current_context(silent=True))
        return project

    @cached_property
    def store(self) -> "Store":
        """The project's store, opened at first use and closed with the command."""
        from newsletter.project import utc_now
        from newsletter.safekeeping import room
        from newsletter.store import open_store
        from newsletter.store.clock import clock_of
        from newsletter.store.relocation import relocations

        room.clear(self.project)
        store = open_store(self.project.settings.store.url, self.project.root)
        self._stores.append(store)
        if endpoints := self.project.settings.webhooks:
            from newsletter.store.webhooks import Telling

            wanted = {name: endpoint.events for name, endpoint in endpoints.items()}
            store.tell(Telling(wanted, clock_of(store, utc_now)))
        with store.read() as connection:
            going = relocations.outgoing(connection)
        if going is not None:
            self.notes.print(f"This store {going.in_words}: it only shows what it had until then.")
        return store

    @cached_property
    def clock(self) -> "Clock":
        """The time by which the store's leases, rates and schedules go."""
        from newsletter.project import utc_now
        from newsletter.store.clock import clock_of

        return clock_of(self.store, utc_now)

    @cached_property
    def console(self) -> "Screen":
        """Standard output for people: colours and tables when it is a terminal."""
        from newsletter.cli.screen import Screen

        return Screen(stderr=False)

    @cached_property
    def notes(self) -> "Screen":
        """Standard error for people: progress, findings, what to do next."""
        from newsletter.cli.screen import Screen

        return Screen(stderr=True)

    def table(self, *columns: str, header: bool = True) -> "ScreenTable":
        """A table in the one look of this command line."""
        from newsletter.cli.screen import ScreenTable

        return ScreenTable(*columns, header=header)

    def emit(self, value: Mapping[str, Any]) -> None:
        """Print one JSON object as one line."""
        click.echo(_as_json(value))

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Print counts with their names: as an object, or as a table of one row."""
        if self.json:
            self.emit(counts)
            return
        table = self.table(*(name.replace("_", " ") for name in counts))
        table.add_row(*(f"{count:,}" for count in counts.values()))
        self.console.print(table)

    def close(self) -> None:
        for store in self._stores:
            store.close()
        if self._log is not None:
            self._log.close()

    def end(self, exit_code: int) -> None:
        """Take note of how the call ended."""
        if self._log is not None:
            self._log.end(exit_code)


def _end(context: click.Context, code: int) -> None:
    if isinstance(context.obj, Session):
        context.obj.end(code)


def _as_json(value: Mapping[str, Any]) -> str:
    """One line; in ASCII where standard output is not UTF-8."""
    is_utf8 = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    return visible_json(json.dumps(value, ensure_ascii=not is_utf8, default=str))


def _open_session(project: Path | None, debug: bool) -> None:
    context = click.get_current_context()
    context.obj = Session(project, debug)
    context.call_on_close(context.obj.close)


def command(function: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Give a command its Session, a --json flag (`session.json`), and the options of the top
    level."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
    @click.option("--project", "other_folder", type=_FOLDER, hidden=True)
    @click.option("--debug", "debugging", is_flag=True, hidden=True)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        session = click.get_current_context().find_object(Session)
        assert session is not None
        session.json |= bool(kwargs.pop("as_json"))
        session.debug |= bool(kwargs.pop("debugging"))
        if isinstance(folder := kwargs.pop("other_folder"), Path):
            session.folder = folder
        return function(session, *args, **kwargs)

    return update_wrapper(wrapped, function)


def examples(*lines: str) -> str:
    """Calls to copy, as the end of a command's --help."""
    return "\n".join(("\b", "Examples:", *(f"  newsletter {line}" for line in lines)))


def run(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code: the one place that catches everything."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_closed_streams()
    sys.unraisablehook = unraisable
    wants_json = "--json" in arguments or _value_of("--format", arguments) == "json"
    try:
        _must_be_text(arguments)
        result = group.main(args=arguments, prog_name="newsletter", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output left, as `| head` does: nothing to say, nowhere to say it.
        _discard_output()
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the last resort: no traceback
        if "--debug" in arguments:
            for line in masked(traceback.format_exc()).splitlines():
                click.echo(visible(line), err=True)
        failure = as_ours(error)
        try:
            show_error(failure, wants_json)
            sys.stdout.flush()
        except OSError:  # standard output still takes nothing
            _discard_output()
            if wants_json:
                show_error(failure, wants_json=False)
        sys.exit(failure.exit_code)


def show_error(error: NewsletterError, wants_json: bool) -> None:
    """Print an error as every command does: JSON on stdout, or lines for people on stderr."""
    if wants_json:
        parts = {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "hint": error.hint or error.usual_hint,
        }
        click.echo(_as_json({"error": parts}))
        return
    for finding in error.findings if isinstance(error, FindingsError) else ():
        click.echo(visible(str(finding)), err=True)
    label = click.style("error", fg="red", bold=True) if _has_colours(sys.stderr) else "error"
    place = f"{visible(error.where)}: " if error.where else ""
    lines = [visible(line) for line in error.lines]
    message = lines[0] if len(lines) == 1 else "\n  ".join(["", *lines])
    click.echo(f"{label}: {place}{message}", err=True)
    if hint := error.hint or error.usual_hint:
        click.echo(f"  {visible(hint)}", err=True)


def _has_colours(stream: TextIO) -> bool:
    """As rich decides it, without loading rich for one line."""
    usual = "" if IS_WINDOWS else _PLAIN[0]
    unwanted = os.environ.get("NO_COLOR") or (os.environ.get("TERM") or usual).lower() in _PLAIN
    return stream.isatty() and not unwanted


def _must_be_text(arguments: list[str]) -> None:
    """Refuse what is not UTF-8: it can be neither stored nor printed."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            readable = argument.encode("utf-8", "backslashreplace").decode()
            raise UsageError(
                f"{readable!r} is not UTF-8", hint="Type it in UTF-8, or rename the file."
            ) from error


def _open_closed_streams() -> None:
    """Replace streams that were closed by `>&-` or `<&-`: output goes nowhere, input is empty, and
    each holds its file descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _discard_output() -> None:
    """Let what is still buffered for stdout go nowhere, so that leaving does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _value_of(option: str, arguments: list[str]) -> str | None:
    for index, argument in enumerate(arguments):
        if argument == option and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None
