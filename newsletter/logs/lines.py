"""Lines of the log: as text for people, or as JSON for what gathers logs.

A chain of structlog's processors makes each, of what the standard library's loggers were given.
Loading structlog takes half as long as loading SQLAlchemy, so that only what logs does it.
"""

import datetime as dt
import json
import logging
import math
import socket
from collections.abc import Mapping, Sequence, Set
from typing import Any, Literal

from structlog.processors import JSONRenderer, LogfmtRenderer, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from newsletter.gate import masked, visible, visible_json
from newsletter.masking import HIDDEN, names_a_secret

Form = Literal["text", "json"]

_DEEPEST = 5  # of values within values


def lines_in(form: Form) -> logging.Formatter:
    """What makes of each record one line without addresses, tokens and secrets, in which a
    terminal finds nothing to obey, whatever the record holds."""
    return _JsonLines() if form == "json" else _TextLines()


class _TextLines(ProcessorFormatter):
    """`2026-01-07T06:00:01Z INFO newsletter.sending.tenure take send=… worker=…`"""

    def __init__(self) -> None:
        super().__init__(processors=_chain("seconds", _as_text), pass_foreign_args=True)

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


class _JsonLines(ProcessorFormatter):
    """`{"time": "2026-01-07T06:00:01.250Z", "level": "info", …, "event": "take", "send": "…"}`"""

    def __init__(self) -> None:
        render = JSONRenderer(json.dumps, ensure_ascii=False)
        super().__init__(processors=_chain("milliseconds", render), pass_foreign_args=True)

    def format(self, record: logging.LogRecord) -> str:
        return visible_json(super().format(record))


def _chain(precision: str, render: Processor) -> list[Processor]:
    return [format_exc_info, _Told(precision), _mask, render]


class _Told:
    """What a record tells: when, how serious, where in the program, which process, what, and what
    about. What it is about cannot take the place of the rest."""

    def __init__(self, precision: str) -> None:
        self._precision = precision
        self._host = socket.gethostname()

    def __call__(self, _logger: WrappedLogger, _level: str, given: EventDict) -> EventDict:
        record: logging.LogRecord = given["_record"]
        time = dt.datetime.fromtimestamp(record.created, dt.UTC).replace(tzinfo=None)
        told: dict[str, Any] = {
            "time": f"{time.isoformat(timespec=self._precision)}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "host": self._host,
            "process": record.process,
            "event": given["event"],
        }
        about = given["positional_args"]
        traces = {name: given[name] for name in ("exception", "stack_info") if name in given}
        return {**told, **(about if isinstance(about, Mapping) else {}), **traces, **told}


def _mask(_logger: WrappedLogger, _level: str, told: EventDict) -> EventDict:
    return {masked(name): _plain(name, value) for name, value in told.items()}


def _plain(name: str, value: object, depth: int = 0) -> object:
    """A value as JSON has it, without addresses and secrets, however deep it holds them."""
    if names_a_secret(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {masked(str(key)): _plain(str(key), value[key], depth + 1) for key in value}
        if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray):
            return [_plain("", one, depth + 1) for one in value]
    try:
        return masked(str(value))
    except Exception as error:  # noqa: BLE001 -- what cannot be shown must not end what was done
        return f"{type(value).__name__}: {type(error).__name__}"


_about = LogfmtRenderer(bool_as_flag=False)


def _as_text(logger: WrappedLogger, level: str, told: EventDict) -> str:
    time, grade, name, event = (told.pop(each) for each in ("time", "level", "logger", "event"))
    del told["host"], told["process"]  # what keeps lines of text knows them
    words = {name.replace(" ", "_"): value for name, value in told.items()}
    about = _about(logger, level, words)
    return f"{time} {grade.upper()} {name} {event} {about}".rstrip()
