"""The log of one call of the command line: what was called, and how it ended."""

import logging
import time
from contextlib import ExitStack

import click
from click.core import ParameterSource

from newsletter import logs
from newsletter.config import LogSettings

_log = logging.getLogger(__name__)


class LoggedCall:
    """A call whose settings are known by now; what it was given may be an address or a secret, so
    that only the names of its options are logged."""

    def __init__(self, settings: LogSettings, context: click.Context | None) -> None:
        def lines() -> logging.Formatter:
            from newsletter.logs.lines import lines_in

            return lines_in(settings.format)

        self._handlers = ExitStack()
        self._handlers.enter_context(logs.logging_at(settings.level, lines))
        self._began = time.monotonic()
        self._command = context.command_path.partition(" ")[2] if context else ""
        _log.info("begin", {"command": self._command, "options": _given(context)})

    def end(self, exit_code: int) -> None:
        seconds = round(time.monotonic() - self._began, 3)
        _log.info("end", {"command": self._command, "exit": exit_code, "seconds": seconds})

    def close(self) -> None:
        self._handlers.close()


def _given(context: click.Context | None) -> str:
    """The names of the options that a call was given."""
    if context is None:
        return ""
    options = [option for option in context.command.params if isinstance(option, click.Option)]
    return ",".join(
        option.opts[-1].lstrip("-")
        for option in options
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    )
