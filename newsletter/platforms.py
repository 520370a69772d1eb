"""Which systems the program runs on: all of it on Linux and macOS, the editor's part on Windows."""

import sys

from newsletter.errors import UsageError

IS_WINDOWS = sys.platform == "win32"


def needs_posix(what: str) -> None:
    """Raises UsageError on Windows, for what is promised on Linux and macOS alone."""
    if IS_WINDOWS:
        raise UsageError(
            f"{what} needs Linux or macOS",
            hint="On Windows issues can be written, checked, previewed and sent to the outbox. "
            "Run this on a server, or in the Windows Subsystem for Linux.",
        )
