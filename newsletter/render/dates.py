"""A date as readers of a language write it."""

import datetime as dt

from babel.dates import format_date

from newsletter.languages import locale, pattern


def written_date(day: dt.date | None, language: str) -> str:
    """`Wednesday, 7 January 2026`, `2026年1月7日 星期三`; "" without a date.

    A language without words here is written as CLDR says, and one that CLDR lacks as ISO 8601.
    """
    if day is None:
        return ""
    cldr = locale(language)
    if cldr is None:
        return day.isoformat()
    return format_date(day, pattern(language) or "full", cldr)
