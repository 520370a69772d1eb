"""What ended a command, as one of our own errors."""

import sys
from pathlib import Path

import click

from newsletter.errors import (
    STANDARD_OUTPUT,
    Interrupted,
    NewsletterError,
    UsageError,
    exhausted,
    place_in_code,
)


def as_ours(error: BaseException) -> NewsletterError:
    """Whatever ended a command, as one of our own errors."""
    match error:
        case FileNotFoundError() | NewsletterError(__cause__=FileNotFoundError()) if (
            _is_folder_gone()
        ):
            return UsageError(
                "the current folder is gone",
                hint="Change to a folder that exists, and run it again.",
            )
        case NewsletterError():
            return error
        case click.Abort() | KeyboardInterrupt():
            return Interrupted("interrupted", hint="Nothing half-done was kept. Run it again.")
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            usage = " ".join(context.get_usage().split()) if context else ""
            return UsageError(error.format_message(), hint=usage)
        case error if not isinstance(error, OSError) and (reason := exhausted(error)):
            return NewsletterError(
                reason,
                hint="Nothing half-done was kept. Give it more memory, or raise the limit of what "
                "runs it, then run it again.",
            )
        case OSError(strerror=str() as reason):
            is_output = error.filename == STANDARD_OUTPUT
            return NewsletterError(
                f"the system refused: {reason}",
                where=str(error.filename or ""),
                hint="What was asked for may be done: look before you run it again."
                if is_output
                else "Make room or give access, then run it again.",
            )
        case _:
            # Not its message: that may hold anything, an address or a secret too.
            return NewsletterError(
                f"an error in newsletter itself: {type(error).__name__}",
                where=place_in_code(error),
                hint="Run it again with --debug and report what it prints.",
            )


def unraisable(given: "sys.UnraisableHookArgs") -> None:
    """What could not be raised, as Python says it; not what ends the command anyway."""
    if given.exc_value is None or not exhausted(given.exc_value):
        sys.__unraisablehook__(given)


def exit_code(error: BaseException) -> int:
    """What a command that ended so leaves with."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    return 1 if isinstance(error, BrokenPipeError) else as_ours(error).exit_code


def _is_folder_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False
