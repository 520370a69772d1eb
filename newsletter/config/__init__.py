"""newsletter.toml and the environment -> Settings, with every fault at once.

Each key can be set by environment: `NEWSLETTER_TRANSPORT__KIND=ses` is `kind` in `[transport]`.
docs/settings.md describes each key; a test fails for one that is missing there.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from newsletter.config.settings import (
    LEAST_COMPLAINTS,
    MEDIA_FOLDER,
    REHEARSALS,
    BackupSettings,
    BrandSettings,
    DigestSettings,
    EventSettings,
    LintSettings,
    LogSettings,
    MediaSettings,
    NewsletterSettings,
    OutboxSettings,
    PolicySettings,
    SesSettings,
    Settings,
    SmtpSettings,
    StoreSettings,
    TransportSettings,
    WebhookSettings,
    WebSettings,
)
from newsletter.config.tables import SettingFault, SettingFaults, keys, read_table
from newsletter.errors import ConfigurationError, UsageError
from newsletter.meant import meant

__all__ = [
    "FILE_NAME",
    "LEAST_COMPLAINTS",
    "MEDIA_FOLDER",
    "REHEARSALS",
    "BackupSettings",
    "BrandSettings",
    "DigestSettings",
    "EventSettings",
    "LintSettings",
    "LogSettings",
    "MediaSettings",
    "NewsletterSettings",
    "OutboxSettings",
    "PolicySettings",
    "SesSettings",
    "Settings",
    "SmtpSettings",
    "StoreSettings",
    "TransportSettings",
    "WebSettings",
    "WebhookSettings",
    "find_root",
    "line_of",
    "load",
    "parse",
    "variable_of",
]

FILE_NAME = "newsletter.toml"
_PREFIX = "NEWSLETTER_"
_CLOSE = 0.88  # of a name to one of ours: one letter of eight may be wrong
_CLOSE_AS_LONG = 0.83  # of one with as many letters: one of six may be another
_WORD = re.compile(r"[^\W_]+")
_OF_FOLDERS = re.compile("(?:DIR|DIRECTORY|FOLDER|PATH|ROOT)$")
# Environment variables that begin like a key but are not one.
_RESERVED = {"NEWSLETTER_PROJECT", "NEWSLETTER_SECRET"}
_OF_PLATFORMS = "PORT"  # where this program is to be reached, for whoever starts it
_SERVICE = re.compile("(?:tcp|udp|sctp)://")
# Keys for the environment only; * is any table.
_SECRETS = (("transport", "smtp", "password"), ("webhooks", "*", "secret"))


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a newsletter.toml. Raises UsageError where
    there is none, or something else has its name."""
    for folder in (start, *start.parents):
        file = folder / FILE_NAME
        if os.path.isfile(file):
            return folder
        if os.path.lexists(file):
            raise UsageError(
                "it is no file, or leads to none", where=str(file), hint="Bring back the settings."
            )
    raise UsageError(
        f"no {FILE_NAME} in {start} or above",
        hint="Run `newsletter init DIR` to start a newsletter, or name one with --project DIR.",
    )


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a newsletter.toml, its environment laid over them.

    Raises ConfigurationError that lists every fault with its key, and with its line where the
    file has one.
    """
    try:
        source = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="Let the user who runs this read it.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "is not UTF-8", where=str(path), hint="Save it as UTF-8."
        ) from error
    return parse(source, path, environment)


def parse(source: str, path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """As `load`, of the text of a newsletter.toml; errors name it `path`."""
    try:
        values = tomllib.loads(source.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigurationError(
            f"is not TOML: {error}",
            where=f"{path}:{line[1]}" if line else str(path),
            hint="Mend the line it names.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            "has a number with too many digits, or lists nested too deeply",
            where=str(path),
            hint="Mend it: no setting needs either.",
        ) from error
    faults = [*_secrets(values), *_overlay(values, environment)]
    try:
        settings = read_table(Settings, values)
    except SettingFaults as error:
        faults += [_with_place(fault, source, environment) for fault in error.faults]
    if faults:
        raise ConfigurationError(
            faults[0],
            where=str(path),
            hint="docs/settings.md describes every key.",
            details=faults[1:],
        )
    return settings


def _secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """The faults of secrets that stand in the file, which is shared and committed."""
    for pattern in _SECRETS:
        for location in _locations(values, pattern):
            yield (
                f"{'.'.join(location)}: must not stand in a file; set "
                f"{_PREFIX}{'__'.join(location).upper()} in the environment"
            )


def _locations(table: object, pattern: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The keys of a table that a pattern means, by the names of their tables and their own."""
    if not pattern:
        yield ()
    elif isinstance(table, dict):
        for key in table if pattern[0] == "*" else {pattern[0]} & table.keys():
            yield from ((key, *rest) for rest in _locations(table[key], pattern[1:]))


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """Put environment variables into `values`; yields the faults of those that fit nowhere."""
    for name in sorted(environment):
        if not _may_be_ours(name) or name in _RESERVED or _is_service(name, environment[name]):
            continue
        is_ours = name.upper().startswith(_PREFIX)
        *tables, last = name.removeprefix(_PREFIX).lower().split("__")
        if variable := _suggestion(name):
            yield f"{name}: unknown variable; did you mean {variable}?"
            continue
        if not is_ours or (not tables and last not in keys(Settings)):
            continue  # NEWSLETTER_… of somebody else's
        table = values
        for key in tables:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                yield f"{name}: {key} is not a table"
                break
        else:
            table[last] = _value(environment[name].strip())


def _is_service(name: str, value: str) -> bool:
    """Whether Kubernetes tells by it where a service is, such as one called newsletter-smtp."""
    return name.endswith("_PORT") and "__" not in name and _SERVICE.match(value) is not None


def _suggestion(name: str) -> str | None:
    """The variable of ours that an unknown one probably means: with other underscores or capitals,
    without its first tables, or with a typo. None where it resembles none."""
    variables = [*_variables(Settings), *sorted(_RESERVED)]
    if name in variables:
        return None
    by_form = {_form(variable): variable for variable in variables}
    start = len(_form(_PREFIX))
    first, *words = _WORD.findall(name)
    form = _form("".join((_PREFIX, *words)))
    if form not in by_form and first.upper() != "NEWSLETTER":
        return None  # what only begins so is somebody else's, unless all else is ours
    for spelt in (form, f"{_form(_PREFIX)}{form}", _OF_FOLDERS.sub("", form)):
        if spelt in by_form:
            return by_form[spelt]
    key = "_".join(words).upper()
    alike = [each for each in variables if each.endswith(f"__{key}")]
    if alike and key != _OF_PLATFORMS:
        return " or ".join(alike)
    if len(words) > 1 and (ends := [each for each in by_form if each.endswith(form[start:])]):
        return by_form[min(ends, key=len)]
    if "__" in name:
        return None  # its table or key gets its own suggestion
    rest = form[start:]
    by_rest = {each[start:]: variable for each, variable in by_form.items()}
    as_long = [each for each in by_rest if len(each) == len(rest)]
    close = meant(rest, by_rest, _CLOSE) or meant(rest, as_long, _CLOSE_AS_LONG)
    return by_rest[close] if close else None


def _may_be_ours(name: str) -> bool:
    """Whether it begins as ours do, or nearly: NEWSLETER_…, _NEWSLETTER_…, NEWSLETTER-…"""
    if name.upper().startswith(_PREFIX):
        return True
    first = _WORD.search(name)
    return (
        first is not None
        and first[0][0] in "Nn"
        and meant(first[0], ["NEWSLETTER"], _CLOSE) is not None
    )


def _form(name: str) -> str:
    """A variable's name as far as a hurried eye reads it."""
    return name.upper().replace("_", "")


def _variables(table: type[Any], prefix: str = _PREFIX) -> Iterator[str]:
    """The variable of each key."""
    for key, field in keys(table).items():
        variable = prefix + key.upper()
        if isinstance(field.type, type) and is_dataclass(field.type):
            yield from _variables(field.type, f"{variable}__")
        else:
            yield variable


def _value(text: str) -> Any:
    """A list or a table where it is written as one in JSON; all else stays text."""
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _with_place(fault: SettingFault, source: str, environment: Mapping[str, str]) -> str:
    """A fault in words, with the variable or the line that it comes from."""
    location = fault.location
    at = ".".join(location)
    if fault.is_missing:
        return f"{at}: {fault.message}"
    if variable := variable_of(location, environment):
        at += f" (from {variable})"
    elif line := line_of(location, source) or line_of(location[:-1], source):
        at += f" (line {line})"
    return f"{at}: {fault.message}"


def variable_of(location: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """The environment variable that a key got its value from, perhaps as part of a whole table."""
    name = _PREFIX + "__".join(location).upper()
    return next((v for v in sorted(environment) if v == name or v.startswith(f"{name}__")), None)


def line_of(location: Sequence[str], source: str) -> int | None:
    """The line of a key in the file, found by its table and name; None where only implied."""
    if not location:
        return None
    *tables, key = location
    table = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?\s*([^\[\]]+?)\s*\]", line):
            table = header[1]
            if table == ".".join(location):
                return number
        elif table == ".".join(tables) and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return None
