"""The issue that welcomes who has just confirmed: of the list's archive, with their own links."""

import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from newsletter.model.email import Email, Message
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import Audience, compose, for_audience
from newsletter.store import held, lists, sends
from newsletter.web.site import Site

FOLDER = "welcome"  # in place of a send's id
_LATEST = "latest"


def message(site: Site, to: Subscriber, list_id: int) -> Message | None:
    """The issue of `[web] welcome` as it was sealed, addressed to them as a send would do it.

    None where the list has no such finished send, or where they have that issue already. The
    ledger does not know this mail.
    """
    wish = site.settings.web.welcome
    with site.store.read() as connection:
        slug = None if wish == _LATEST else wish
        number = sends.newest_finished(connection, list_id, slug)
        if number is None:
            return None
        send = sends.record(connection, number)
        slug = send.slug
        if held.has_issue(connection, to.id, slug):
            return None
        email = Email.from_json(sends.email_of(connection, number))
        list_name = lists.find_name(connection, list_id)
    audience = Audience(
        send_id=FOLDER,
        slug=slug,
        list_id=list_id,
        list_name=list_name,
        host=urlsplit(site.settings.newsletter.base_url).hostname or "localhost",
        links=site.links,
        in_ledger=False,
        foot=send.foot,
    )
    ref = f"{FOLDER}-{secrets.token_hex(8)}"
    composed = compose(for_audience(email, audience), to, audience, to.id, 1)
    return replace(
        composed,
        ref=f"{ref}.1",
        headers=tuple(
            (name, f"{ref}.1" if name == "X-Newsletter-Ref" else value)
            for name, value in composed.headers
        ),
        tags=(("send", FOLDER), ("delivery", ref), ("attempt", "1")),
    )
