"""The command line: one file for each noun, loaded when its command runs.

A command parses, calls one service, and prints. Start-up loads click and nothing heavy.
"""

import io
import string
import sys
from contextlib import suppress

from newsletter import garbage
from newsletter.cli.frame import Group, run
from newsletter.errors import STANDARD_OUTPUT, naming

# Each top-level command, the module that holds it, and its line in --help.
COMMANDS = {
    "init": ("setup", "Start a new newsletter that sends to the outbox at once."),
    "new": (
        "setup",
        "Write a new issue from a scaffold or from feeds, or adopt those of another system.",
    ),
    "render": ("render", "Write an issue as email.html, email.txt, email.eml and digest.json."),
    "lint": ("lint", "Check issues: what, where, and what to do."),
    "themes": ("themes", "Show, copy, check and try themes."),
    "subscribers": (
        "subscribers",
        "Import, add, remove, list, export and erase subscribers.",
    ),
    "lists": ("lists", "Create, edit, show and delete lists."),
    "segments": ("segments", "Save filters over lists, and see who is in them."),
    "suppressions": ("suppressions", "Addresses that are never mailed."),
    "test": ("testing", "Send an issue to any address, as a test."),
    "review": ("reviewing", "Show what changed in the mails since this branch left another."),
    "approve": ("approving", "Say yes to an issue as it is now, as a second person."),
    "send": ("send", "Send an issue to a list."),
    "status": ("sends", "Show one send: the newest, or the one named."),
    "sends": ("sends", "Show all sends, newest first; archive what is old."),
    "deliveries": ("sends", "Show what became of each recipient of a send."),
    "report": ("reporting", "Show what became of a send: numbers and pictures."),
    "pause": ("control", "Stop a running send after the batches in flight."),
    "resume": ("control", "Go on with a paused or interrupted send."),
    "reschedule": ("control", "Move a scheduled send to another time, or give it other content."),
    "cancel": ("control", "End a send: what is still queued is never sent."),
    "resolve": ("resolving", "Decide about the unknown deliveries of a send."),
    "events": ("events", "Apply what was reported about deliveries."),
    "audit": ("audit", "Show who did what to sends, readers and the archive, newest first."),
    "explain": ("explain", "Tell the whole story of an address: what it got, and why not."),
    "studio": ("studio", "Write issues and watch sends in a browser on this machine."),
    "preview": ("studio", "Show one issue in a browser as readers will see it."),
    "serve": ("serve", "Serve the public pages for readers, and the hook for providers."),
    "archive": ("archive", "Correct, hide and list what was sent, or write it as a static site."),
    "setup": ("provision", "Make and repair what mail needs at a provider and in the DNS."),
    "worker": ("worker", "Take part in sends that are due, shared or interrupted, until stopped."),
    "completion": (
        "completion",
        "Print the script by which a shell completes commands, options and issues.",
    ),
    "webhooks": ("webhooks", "Tell other programs what happens to sends and subscribers."),
    "doctor": ("doctor", "Check all that sending depends on, and say what mends it."),
    "db": ("db", "Make, migrate, back up, move and check the store."),
}

# Those that Windows has not: they serve, work for long, or write what it cannot put in place.
_POSIX = ("doctor", "events", "serve", "setup", "webhooks", "worker")


class _Notes(io.TextIOWrapper):
    """Standard error. Its reader or its disk may go away, and that ends no work."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


class _Output(io.TextIOWrapper):
    """Standard output, which says so where it takes no more."""

    def write(self, text: str, /) -> int:
        with naming(STANDARD_OUTPUT):
            return super().write(text)

    def flush(self) -> None:
        with naming(STANDARD_OUTPUT):
            super().flush()


def _readable(encoding: str) -> str:
    """The encoding, or UTF-8 in the place of one in which ASCII is not what it is elsewhere."""
    letters = string.printable
    return encoding if letters.encode(encoding) == letters.encode() else "utf-8"


def main() -> None:
    """The entry point of the `newsletter` script."""
    garbage.look_seldom()
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding = _readable(sys.stderr.encoding)
        sys.stderr = _Notes(sys.stderr.buffer, encoding=encoding, line_buffering=True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        former = sys.stdout
        former.flush()
        sys.stdout = _Output(
            former.buffer,
            encoding=_readable(former.encoding),
            line_buffering=former.line_buffering,
            write_through=former.write_through,
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # where the terminal lacks the letters
    try:
        run(Group(COMMANDS, _POSIX))
    finally:
        garbage.look_no_more()
