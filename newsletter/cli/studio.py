"""`newsletter studio` and `newsletter preview`: what readers will see, while it is written."""

import os
import sys
from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.options import IssueName

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from newsletter.studio.guard import Rights

_USUAL_PORT = 8600
_PORT = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The port on this machine; {_USUAL_PORT} if it is free, else any.",
)
_STAY = click.option("--no-open", is_flag=True, help="Print the address, and open no browser.")


@click.command(epilog=examples("studio", "studio --port 8700 --no-open", "studio --editor"))
@_PORT
@_STAY
@click.option(
    "--editor", is_flag=True, help="Write and try out issues; only show sends and readers."
)
@click.option("--read-only", is_flag=True, help="Show everything, and change nothing at all.")
@command
def studio(
    session: Session, port: int | None, no_open: bool, editor: bool, read_only: bool
) -> None:
    """Write issues and watch sends in a browser on this machine."""
    from newsletter.studio.guard import Rights

    rights = Rights.ISSUES if editor else Rights.ALL
    _run(session, port, no_open, rights=Rights.NOTHING if read_only else rights)


@click.command(
    epilog=examples("preview 2026-01-06-welcome", "preview 2026-01-06-welcome --as ada@example.com")
)
@click.argument("issue", type=IssueName())
@click.option(
    "--as",
    "reader",
    default="sample",
    metavar="SUBSCRIBER",
    help="An address, or `nameless`, or `longest`: whose names and values are shown.",
)
@_PORT
@_STAY
@command
def preview(session: Session, issue: str, reader: str, port: int | None, no_open: bool) -> None:
    """Show one issue in a browser as readers will see it; it follows the file."""
    _run(session, port, no_open, session.project.issue_path(issue).resolve(), reader)


def _run(
    session: Session,
    port: int | None,
    no_open: bool,
    only: "Path | None" = None,
    reader: str = "sample",
    rights: "Rights | None" = None,
) -> None:
    from newsletter.http.server import url_of
    from newsletter.studio.guard import Rights
    from newsletter.studio.server import run
    from newsletter.studio.session import Studio

    project = session.project
    with _listening(port) as listening:
        url = url_of(listening)
        desk = Studio(project, lambda: session.store, url, only, reader, rights or Rights.ALL)

        def ready() -> None:
            if session.json:
                session.emit({"url": desk.start_url})
            else:
                session.console.print(f"The studio is at {desk.start_url} (Ctrl-C stops it).")
            session.console.file.flush()
            if not no_open and not session.json and _has_screen():
                _open_browser(desk.start_url)

        run(desk, listening, ready)


def _listening(port: int | None) -> "socket.socket":
    from newsletter.errors import UsageError
    from newsletter.http.server import listen

    if port is not None:
        return listen("127.0.0.1", port)
    try:
        return listen("127.0.0.1", _USUAL_PORT)
    except UsageError:  # another studio, say
        return listen("127.0.0.1", 0)


def _has_screen() -> bool:
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _open_browser(url: str) -> None:
    """In a thread of its own, since some browsers only return when they are closed."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
