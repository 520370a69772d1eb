"""What does not work for a while: it is tried again and again, and told once."""

from dataclasses import dataclass, field


@dataclass
class Outage:
    """What people were told about something since it last worked."""

    _told: set[str] = field(default_factory=set, init=False)

    def is_news(self, line: str) -> bool:
        """Whether this was not told since it last worked; it is from now on."""
        is_news = line not in self._told
        self._told.add(line)
        return is_news

    def pass_over(self) -> bool:
        """It works; whether there was any trouble."""
        was_told = bool(self._told)
        self._told.clear()
        return was_told
