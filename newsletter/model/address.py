"""An email address that is safe to put into a header."""

import re
from dataclasses import dataclass

_SAFE = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox in the form it is sent to: ASCII, the domain as lower-case A-labels.

    Construction refuses what could break out of a header; `newsletter.audience.address.parse`
    is the way in for what people typed. Printing one masks it: logs carry ids.
    """

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > 254 or not _SAFE.fullmatch(self.text):
            raise ValueError("not an address")

    @property
    def key(self) -> str:
        """What two spellings of one mailbox share: the whole address in lower case."""
        return self.text.lower()

    @property
    def domain(self) -> str:
        return self.text.rpartition("@")[2]

    @property
    def masked(self) -> str:
        """As pages show it, where whoever opened a forwarded mail may look on."""
        return f"{self.text[:1]}…@{self.domain}"

    def __repr__(self) -> str:
        return f"Address({self.text[:1]}…@…)"

    __str__ = __repr__
