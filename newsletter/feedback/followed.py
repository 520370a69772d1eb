"""Links that readers followed, as they were sealed: what is counted of them names nobody.

A link in a mail may be its reader's own: the one to leave, or one with a merge field in it. The log
keeps it with the names of its fields, `{{unsubscribe_url}}`, as every reader has it.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.engine import Connection

from newsletter.model.email import Email, MergeField
from newsletter.model.event import Event
from newsletter.store.ledger import sends
from newsletter.store.reported.settling import DeliveryState

_LONGEST = 2_000  # characters of a link with a field in it
OTHER = "other"  # a link that the sealed email does not have

_HREF = re.compile(r'\shref="([^"]*)"', re.IGNORECASE)
_FIELD = re.compile("\ue000(.+?)\ue001")  # private characters: no address has any
_WHOLE = {  # what a field's address looks like, where it is all of a link
    "unsubscribe_url": r"https?://.+/u/[^/?#]+",
    "preferences_url": r"https?://.+/preferences/[^/?#]+",
    "subscribe_url": r"https?://.+/subscribe/[^/?#]+",
    "web_url": r"https?://.+/archive/[^/?#]+/",
    "previous_url": r"https?://.+/archive/[^/?#]+/",
}

LinkReports = Sequence[tuple[Event, DeliveryState | None]]


def as_sealed(connection: Connection, reports: LinkReports) -> LinkReports:
    """Events with their links as the emails of their sends have them; without a delivery, none."""
    numbers = {
        delivery.send
        for event, delivery in reports
        if event.link is not None and delivery is not None
    }
    by_send = {
        number: SealedLinks(Email.from_json(sends.email_of(connection, number)))
        for number in numbers
    }
    return [
        (replace(event, link=_sealed(by_send, event.link, delivery)), delivery)
        if event.link is not None
        else (event, delivery)
        for event, delivery in reports
    ]


def _sealed(
    by_send: dict[int, "SealedLinks"], link: str, delivery: DeliveryState | None
) -> str | None:
    return None if delivery is None else by_send[delivery.send].find(link)


class SealedLinks:
    """The links of an email, and which of them an address is."""

    def __init__(self, email: Email) -> None:
        text = "".join(_written(piece) for piece in email.html)
        links = dict.fromkeys(html.unescape(link) for link in _HREF.findall(text))
        self._literal = {link for link in links if not _FIELD.search(link)}
        # What has most of its own is tried first: a lone field fits much.
        own = sorted(links.keys() - self._literal, key=lambda link: len(_FIELD.sub("", link)))
        self._patterns = [(_pattern(link), _FIELD.sub(r"{{\1}}", link)) for link in reversed(own)]

    def find(self, address: str) -> str:
        """A link as it was sealed; OTHER where an address is none of them."""
        if address in self._literal:
            return address
        if len(address) > _LONGEST:
            return OTHER
        return next((link for fits, link in self._patterns if fits.fullmatch(address)), OTHER)


def _written(piece: str | MergeField) -> str:
    return piece if isinstance(piece, str) else f"\ue000{piece.name}\ue001"


def _pattern(link: str) -> re.Pattern[str]:
    if (whole := _FIELD.fullmatch(link)) and whole[1] in _WHOLE:
        return re.compile(_WHOLE[whole[1]])
    pieces = _FIELD.split(link)  # text and the names of fields, in turn
    return re.compile("[^/]*".join(re.escape(piece) for piece in pieces[::2]))
