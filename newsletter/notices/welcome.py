"""The issue that welcomes those who have just confirmed: one of the list's archive, with their own
links."""

from newsletter.links import Links
from newsletter.model.email import Email, Message
from newsletter.model.notice import Notice
from newsletter.model.subscriber import Subscriber
from newsletter.notices.post import with_reference
from newsletter.sending.compose import SendContext, compose, for_send
from newsletter.store import Store
from newsletter.store.ledger import corrections, sends
from newsletter.store.people import lists, mailed

_LATEST = "latest"


def welcome(store: Store, links: Links, wish: str, to: Subscriber, list_id: int) -> Message | None:
    """The issue that `[web] welcome` wishes for, as it was sealed or corrected since, addressed to
    them.

    None where the list has no such finished send, or where they have that issue already.
    """
    with store.read() as connection:
        number = sends.newest_finished(connection, list_id, None if wish == _LATEST else wish)
        if number is None:
            return None
        send = sends.record(connection, number)
        if mailed.has_issue(connection, to.id, send.slug):
            return None
        email = Email.from_json(corrections.newest_email_of(connection, number))
        list_name = lists.find_name(connection, list_id)
    context = SendContext(
        send_id=Notice.WELCOME,
        slug=send.slug,
        list_id=list_id,
        list_name=list_name,
        links=links,
        in_ledger=False,
        foot=send.foot,
    )
    message = compose(for_send(email, context), to, context, to.id, 1)
    return with_reference(message, Notice.WELCOME)
