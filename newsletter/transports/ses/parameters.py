"""The parameters of calls that send, as botocore takes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from newsletter.config import SesSettings
from newsletter.errors import SendingStopped
from newsletter.model.email import Email
from newsletter.transports import mime
from newsletter.transports.ses.template import template_of


def of_every_call(settings: SesSettings) -> dict[str, Any]:
    """What goes with each call that sends, even that of a single test mail.

    Tracking is always named: else the account or an event destination may switch it on, and SES
    rewrites the links and adds a picture: what arrives is not what was sealed.
    """
    tracking = {
        "OpenTrackingEnabled": _switch(settings.open_tracking),
        "ClickTrackingEnabled": _switch(settings.click_tracking),
    }
    names = {"ConfigurationSetName": settings.configuration_set, "TenantName": settings.tenant}
    return {
        "ConfigurationOverrides": {"Tracking": tracking},
        **{member: name for member, name in names.items() if name},
    }


def _switch(on: bool) -> str:
    return "ENABLED" if on else "DISABLED"


def of_bulk_calls(
    email: Email, headers: Iterable[tuple[str, str]], common: Mapping[str, Any]
) -> dict[str, Any]:
    """What all bulk calls of an email share: all but entries and replacement data."""
    template = template_of(email)
    content = {"Subject": template.subject, "Html": template.html, "Text": template.text}
    shared: dict[str, Any] = {
        "FromEmailAddress": mailbox(email.sender),
        "DefaultContent": {"Template": {"TemplateContent": content, "Headers": pairs(headers)}},
        **common,
    }
    if email.reply_to:
        shared["ReplyToAddresses"] = [mailbox(email.reply_to)]
    return shared


def mailbox(value: str) -> str:
    """A sender as SES takes it; one that cannot stand in a header is no recipient's fault."""
    try:
        return mime.mailbox(*mime.split_mailbox(value))
    except mime.UnsafeHeader as error:
        raise SendingStopped(error.message, hint="Mend [newsletter] from or reply_to.") from error


def pairs(some: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in some]
