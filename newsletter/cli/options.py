"""What options and arguments of several commands are."""

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,5})([hdw])")
_NO_SYNTAX = re.compile(r"\w[\w.-]*")  # of a shell, which puts completions in as they are


class IssueName(click.ParamType[str]):
    """An issue's path, or the stem of its file in `issues/`, which a shell completes."""

    name = "issue"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list["CompletionItem"]:
        """The stems that begin so, the newest first; without a newsletter, files."""
        from click.shell_completion import CompletionItem

        stems = sorted(_stems(ctx), reverse=True)
        fitting = [stem for stem in stems if stem.startswith(incomplete)]
        if fitting:
            return [CompletionItem(stem) for stem in fitting]
        return [CompletionItem(incomplete, type="file")]


def _stems(context: click.Context) -> list[str]:
    from newsletter import config
    from newsletter.errors import UsageError

    folder = context.params.get("other_folder") or context.find_root().params.get("project")
    try:
        root = config.find_root((folder or Path()).resolve())
        names = [path.stem for path in (root / "issues").glob("*.md")]
    except (UsageError, OSError):
        return []
    return [name for name in names if _NO_SYNTAX.fullmatch(name)]


class SendId(click.ParamType[str]):
    """A send's id or its beginning, but never an empty one: an unset variable names no send."""

    name = "send"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("it is empty; see: newsletter sends", param, ctx)
        return value.strip()


class Age(click.ParamType[dt.timedelta]):
    """How long ago something was: `12h`, `90d` or `6w`."""

    name = "age"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.timedelta:
        match = _AGE.fullmatch(value.strip())
        if match is None:
            self.fail(f"{value!r} is no age; write 12h, 90d or 6w", param, ctx)
        return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})


csv_out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; standard output for -, or if left out.",
)
