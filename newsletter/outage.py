"""What does not work for a while: it is tried again and again, and told once."""

import re
from dataclasses import dataclass, field

# With them the same error of a clock or a certificate differs at each try.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{8}T\d{6}Z")


@dataclass
class Outage:
    """What people were told about something since it last worked."""

    _told: set[str] = field(default_factory=set, init=False)

    def is_news(self, line: str) -> bool:
        """Whether this was not told since it last worked, whatever times it names; it is from now
        on."""
        cause = _MOMENT.sub("", line)
        is_news = cause not in self._told
        self._told.add(cause)
        return is_news

    def pass_over(self) -> bool:
        """It works; whether there was any trouble."""
        was_told = bool(self._told)
        self._told.clear()
        return was_told
