"""An Email for one recipient of one send."""

from dataclasses import dataclass, field

from newsletter.links import Links, PersonalLink
from newsletter.model.address import Address
from newsletter.model.email import IN_MAIL, LIST_NAME, Email, Message
from newsletter.model.send import Foot
from newsletter.model.subscriber import Subscriber
from newsletter.transports.mime import phrase

_ONE_CLICK = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
_NO_ANSWERS = ("X-Auto-Response-Suppress", "OOF, AutoReply")  # Exchange answers no issue then

# The addressee of previews, and of tests to people who have not subscribed.
SAMPLE_READER = Subscriber(1, Address("reader@example.com"), "Reader")


@dataclass(frozen=True, slots=True)
class SendContext:
    """What all messages of one send share beside the email.

    `list_name` is empty where there is no list, as in a preview. `in_ledger` is False for what the
    ledger does not know: previews, test mails, the welcome.
    """

    send_id: str
    slug: str
    list_id: int
    list_name: str
    links: Links
    in_ledger: bool = True
    store_id: str = ""
    foot: Foot = field(default_factory=Foot)

    @property
    def list_header(self) -> str:
        """The value of List-Id (RFC 2919): its title as the phrase, which may change, before the
        name by which mail programs know it, which never does."""
        name = f"{self.list_name or 'newsletter'}.{self.links.host}"
        title = self.foot.list_title
        return f"{phrase(title)} <{name}>" if title else f"<{name}>"


def for_send(email: Email, context: SendContext) -> Email:
    """The email of one send: its list is filled in; only what differs from reader to reader stays
    open."""
    foot, links, list_name = context.foot, context.links, context.list_name
    values = {
        IN_MAIL: "yes",
        LIST_NAME: foot.list_title or list_name,
        "subscribe_url": links.subscribe_url(list_name) if foot.is_open and list_name else "",
        "web_url": links.web_url(context.slug),
        "previous_url": links.web_url(foot.previous_slug) if foot.previous_slug else "",
        "previous_title": foot.previous_title,
    }
    return email.for_send(values)


class Composer:
    """Composes the messages of one send; what they share is made once.

    `email` is made for its send: see `for_send`.
    """

    def __init__(self, email: Email, context: SendContext) -> None:
        self._email = email
        self._context = context
        self._web_url = context.links.web_url(context.slug)
        self._list_id = ("List-Id", context.list_header)
        self._send_tag = ("send", context.send_id)
        self._store_tags = (("store", context.store_id),) if context.store_id else ()

    def message(self, to: Subscriber, delivery: int, attempt: int) -> Message:
        """The message of one delivery: values for the merge fields, its own links and tags."""
        context, links = self._context, self._context.links
        brought_by = (context.send_id, delivery) if context.in_ledger else ("", 0)
        link = PersonalLink(to.id, context.list_id, to.link_key, *brought_by)
        unsubscribe_url, preferences_url = links.of_mail(link)
        values = {f"subscriber.{name}": value for name, value in to.attributes.items()}
        values["subscriber.name"] = to.name
        values["unsubscribe_url"] = unsubscribe_url
        values["preferences_url"] = preferences_url
        values["web_url"] = self._web_url
        delivery_id = f"{context.send_id}-{delivery}"
        ref = f"{delivery_id}.{attempt}"
        return Message(
            ref=ref,
            name=str(to.id),
            to=to.address,
            email=self._email,
            values=values,
            headers=(
                self._list_id,
                ("List-Unsubscribe", f"<{unsubscribe_url}>"),  # RFC 2369, and RFC 8058 for the next
                _ONE_CLICK,
                _NO_ANSWERS,
                ("X-Newsletter-Ref", ref),
            ),
            tags=(
                self._send_tag,
                ("delivery", delivery_id),
                ("attempt", str(attempt)),
                *self._store_tags,
            ),
        )


def compose(
    email: Email, to: Subscriber, context: SendContext, delivery: int, attempt: int
) -> Message:
    """The message of one delivery alone: see Composer."""
    return Composer(email, context).message(to, delivery, attempt)
