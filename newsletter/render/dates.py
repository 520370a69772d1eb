"""A date as readers of a language write it."""

import datetime as dt

_CHINESE_DAYS = "一二三四五六日"
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS = (
    "January February March April May June July August September October November December"
).split()


def written_date(day: dt.date | None, language: str) -> str:
    """`2026年1月7日 星期三`, `Wednesday, 7 January 2026`, else ISO; "" without a date."""
    if day is None:
        return ""
    match language.split("-")[0].lower():
        case "zh":
            return f"{day.year}年{day.month}月{day.day}日 星期{_CHINESE_DAYS[day.weekday()]}"
        case "ja":
            weekday = "月火水木金土日"[day.weekday()]
            return f"{day.year}年{day.month}月{day.day}日（{weekday}）"
        case "en":
            month = _ENGLISH_MONTHS[day.month - 1]
            return f"{_ENGLISH_DAYS[day.weekday()]}, {day.day} {month} {day.year}"
        case _:
            return day.isoformat()
