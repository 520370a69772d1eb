"""The program in which an author edits files, opened at a line."""

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsletter.errors import UsageError

# Editors with windows of their own, and how each is told the line.
_AT_LINE: Mapping[str, Sequence[str]] = {
    "code": ("--goto", "{file}:{line}"),
    "code-insiders": ("--goto", "{file}:{line}"),
    "codium": ("--goto", "{file}:{line}"),
    "cursor": ("--goto", "{file}:{line}"),
    "zed": ("{file}:{line}",),
    "subl": ("{file}:{line}",),
    "atom": ("{file}:{line}",),
    "mate": ("--line", "{line}", "{file}"),
    "bbedit": ("+{line}", "{file}"),
    "kate": ("--line", "{line}", "{file}"),
    "gedit": ("+{line}", "{file}"),
    "gnome-text-editor": ("+{line}", "{file}"),
    "mousepad": ("--line", "{line}", "{file}"),
    "gvim": ("+{line}", "{file}"),
    "mvim": ("+{line}", "{file}"),
    "emacsclient": ("--no-wait", "+{line}", "{file}"),
    "idea": ("--line", "{line}", "{file}"),
    "pycharm": ("--line", "{line}", "{file}"),
    "webstorm": ("--line", "{line}", "{file}"),
    "notepad++": ("-n{line}", "{file}"),
}
_WAITS = ("-w", "--wait", "-nw")


def call(editor: str, file: Path, line: int) -> list[str]:
    """The command that opens a file at a line. Raises UsageError for an editor that needs a
    terminal, or that nobody here knows."""
    words = shlex.split(editor)
    name = Path(words[0]).stem if words else ""
    if name not in _AT_LINE:
        raise UsageError(
            f"the studio cannot open {name!r} at a line: it may need a terminal of its own",
            where=f"{file}:{line}",
            hint="Set $VISUAL to an editor with windows, such as code, subl, gedit or kate.",
        )
    own = [word for word in words if word not in _WAITS]
    return own + [part.format(file=file, line=line) for part in _AT_LINE[name]]


def editor_of(environment: Mapping[str, str] = os.environ) -> str:
    """`$VISUAL`, else `$EDITOR`; empty where neither is set."""
    return environment.get("VISUAL") or environment.get("EDITOR") or ""


def open_at(file: Path, line: int, environment: Mapping[str, str] = os.environ) -> str:
    """Open a file in its author's editor and return the editor's name. Raises UsageError."""
    editor = editor_of(environment)
    if not editor:
        raise UsageError(
            "no editor is named",
            where=f"{file}:{line}",
            hint="Set $VISUAL or $EDITOR before the studio is started.",
        )
    command = call(editor, file, line)
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"there is no program {command[0]!r}",
            where="$VISUAL or $EDITOR",
            hint="Name one that is installed.",
        )
    with open(os.devnull, "r+b") as nowhere:
        process = subprocess.Popen(  # noqa: S603 -- the author's own editor
            command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
    threading.Thread(target=process.wait, name="editor", daemon=True).start()
    return Path(command[0]).name
