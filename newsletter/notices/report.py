"""The mail with the report on a send, for those who work on the newsletter."""

from newsletter.config import NewsletterSettings
from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email, Message
from newsletter.model.notice import Notice
from newsletter.notices.post import automatic
from newsletter.reports import lines, page
from newsletter.reports.figures import SendReport

_COLUMNS = 76  # of the text part


def email_of(report: SendReport, newsletter: NewsletterSettings) -> Email:
    """The report as a mail, the same for all who get it."""
    subject = " ".join(f"Report: {report.send.subject}".split())
    text = "\n".join(line.text for line in lines.lines(report, _COLUMNS))
    return Email(
        sender=newsletter.sender,
        reply_to=newsletter.reply_to,
        language="en",
        subject=(subject,),
        preheader=(subject,),
        html=(page.mail(report),),
        text=(f"{text}\n",),
    )


def report_mail(email: Email, send_id: str, number: int, to: Address, links: Links) -> Message:
    """That mail to one address; `number` tells it from those to others."""
    return automatic(Notice.REPORT, f"{send_id}-{number}", to, email, links.host, send_id)
