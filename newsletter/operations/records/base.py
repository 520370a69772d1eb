"""What all of them share."""

import datetime as dt
from typing import Any

JsonObject = dict[str, Any]


def time(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()
