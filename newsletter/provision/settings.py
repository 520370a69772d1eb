"""What was set up, written into newsletter.toml: only the keys that it takes."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from newsletter import config
from newsletter.config import Settings
from newsletter.config.editing import SettingValue, SettingValues, edited, written
from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.files import filled, folder_lock, held_part, write_whole
from newsletter.provision.base import Action, Component, Difference


def settings_component(
    path: Path, settings: Settings, values: SettingValues, values_now: Callable[[], SettingValues]
) -> Component:
    """The file compared with what it has to say; `values_now` tells that again when it is written.

    Raises ConfigurationError where the environment says otherwise: writing would change nothing.
    """
    component = path.name
    changed = _changed(settings, values)
    if not changed:
        return Component(component)
    _check_environment(changed)
    if _edit(path, changed) is None:
        advice = f"its layout does not let it be changed safely. Write into it:\n{written(changed)}"
        return Component(component, (), (advice,))
    differences = tuple(
        Difference(".".join(location), _shown(_held(settings, location)), _shown(value))
        for location, value in changed.items()
    )
    action = Action(
        f"write {path.name}", lambda: _write(path, _changed(settings, values_now())), differences
    )
    return Component(component, (action,))


def check_writable(path: Path) -> None:
    """Try out whether the file could be written, before anything is changed. Raises
    NewsletterError."""
    path = path.resolve()
    try:
        with folder_lock(path.parent), held_part(path) as part, filled(part) as file:
            file.write(path.read_bytes())
    except OSError as error:
        raise _unwritable(path, error, "; nothing was changed") from error


def _changed(settings: Settings, values: SettingValues) -> SettingValues:
    """The values that the settings do not have yet."""
    return {
        location: value for location, value in values.items() if _held(settings, location) != value
    }


def _held(settings: Settings, location: tuple[str, ...]) -> SettingValue:
    held: Any = settings
    for name in location:
        held = getattr(held, name)
    value: SettingValue = held
    return value


def _check_environment(changed: SettingValues) -> None:
    """Raises ConfigurationError for a key whose value comes from there."""
    for location, value in changed.items():
        if (variable := _variable_of(location)) is not None:
            plain = value if isinstance(value, str) else json.dumps(value)
            raise ConfigurationError(
                f"comes from the environment, so {config.FILE_NAME} cannot change it; nothing was "
                "changed",
                where=f"{'.'.join(location)} (from {variable})",
                hint=f"Set {variable} so that it becomes {plain}, or unset it, and run this again.",
            )


def _variable_of(location: tuple[str, ...]) -> str | None:
    """The variable that sets a key, alone or with a whole table."""
    if variable := config.variable_of(location):
        return variable
    tables = ("NEWSLETTER_" + "__".join(location[:end]).upper() for end in range(1, len(location)))
    return next((table for table in tables if table in os.environ), None)


def _edit(path: Path, changed: SettingValues) -> bytes | None:
    """What the file would hold; None where its layout does not let that be done safely."""
    try:
        source = path.read_bytes().decode()
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="Let the user who runs this read it.",
        ) from error
    text = edited(source, changed)
    return None if text is None else text.encode()


def _write(path: Path, changed: SettingValues) -> None:
    """The file as it is by now, with these values."""
    path = path.resolve()
    try:
        with folder_lock(path.parent):
            content = _edit(path, changed)
            if content is None:
                raise NewsletterError(
                    "was changed meanwhile, and its layout does not let it be changed safely",
                    where=str(path),
                    hint=f"Write into it:\n{written(changed)}",
                )
            write_whole(path, content, follows=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError, so_far: str = "") -> NewsletterError:
    return NewsletterError(
        f"cannot be written: {error.strerror}{so_far}",
        where=str(path),
        hint="Make room or give access, then run this again.",
    )


def _shown(value: SettingValue) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
