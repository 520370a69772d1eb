"""The mail that asks whether it was them. It holds no word that a visitor typed."""

from collections.abc import Callable, Mapping

from newsletter.audience import confirming
from newsletter.config import NewsletterSettings
from newsletter.links import Links, Purpose
from newsletter.model.email import Email, Message
from newsletter.model.notice import Notice
from newsletter.model.subscriber import Request
from newsletter.notices.post import automatic

# What each mail says to whom it does not concern.
_IGNORE = {
    Purpose.CONFIRM: "mail_ignore",
    Purpose.PERSONAL: "mail_ignore_personal",
    Purpose.UNDO: "mail_ignore_undo",
}


def confirmation(
    request: Request,
    newsletter: NewsletterSettings,
    links: Links,
    texts: Mapping[str, str],
    html: Callable[..., str],
) -> Message:
    """`texts` are the words in its readers' language; `html` sets the words of this mail."""
    purpose, _ = confirming.LINKS[request.kind]
    url = links.confirm_url(purpose, request.id, request.list_id or 0)
    words = {
        part: texts[f"mail_{request.kind}_{part}"].replace("{name}", newsletter.name)
        for part in ("subject", "text", "button")
    }
    ignore = texts[_IGNORE[purpose]]
    sender = f"{newsletter.name}\n{newsletter.postal_address}"
    plain = "\n\n".join((words["text"], url, ignore, sender))
    email = Email(
        sender=newsletter.sender,
        reply_to=newsletter.reply_to,
        language=texts["language"],
        subject=(words["subject"],),
        preheader=(words["text"],),
        html=(html(url=url, ignore=ignore, **words),),
        text=(plain + "\n",),
    )
    return automatic(Notice.CONFIRM, str(request.id), request.address, email, links.host)
