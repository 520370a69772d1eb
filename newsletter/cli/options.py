"""What options and arguments of several commands are."""

import datetime as dt
import re

import click

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,5})([hdw])")


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
