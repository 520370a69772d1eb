"""What a bounce or complaint means for its address: the tables of causes.

The words are those of "Bounce types" and "Complaint object" in
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html. A word that is in no table
never punishes a reader: its cause is UNKNOWN, which has no effect.
"""

import re
from collections.abc import Mapping
from typing import Any

from newsletter.model.event import Cause, EventType

# By bounceType and bounceSubType.
BOUNCES: Mapping[tuple[str, str], Cause] = {
    ("Permanent", "General"): Cause.HARD,
    ("Permanent", "NoEmail"): Cause.HARD,
    ("Permanent", "Suppressed"): Cause.HARD,  # by the list of all of SES, which AWS counts
    ("Permanent", "OnAccountSuppressionList"): Cause.LISTED,
    ("Permanent", "OnTenantSuppressionList"): Cause.LISTED,
    ("Permanent", "UnsubscribedRecipient"): Cause.LISTED,
    ("Permanent", "EmailValidationSuppressed"): Cause.DOUBTED,
    ("Transient", "General"): Cause.SOFT,
    ("Transient", "MailboxFull"): Cause.SOFT,
    ("Transient", "MessageTooLarge"): Cause.MESSAGE,
    ("Transient", "ContentRejected"): Cause.MESSAGE,
    ("Transient", "AttachmentRejected"): Cause.MESSAGE,
    ("Transient", "CustomTimeoutExceeded"): Cause.TIMEOUT,
    ("Undetermined", "Undetermined"): Cause.SOFT,
}

# By complaintSubType, which most complaints lack.
COMPLAINTS: Mapping[str, Cause] = {
    "": Cause.COMPLAINT,
    "OnAccountSuppressionList": Cause.LISTED,
    "OnTenantSuppressionList": Cause.LISTED,
}

# By complaintFeedbackType, the words of RFC 5965 that SES passes on; None is not a complaint at
# all.
FEEDBACK: Mapping[str, Cause | None] = {
    "": Cause.COMPLAINT,
    "abuse": Cause.COMPLAINT,
    "auth-failure": Cause.COMPLAINT,
    "fraud": Cause.COMPLAINT,
    "not-spam": None,
    "other": Cause.COMPLAINT,
    "virus": Cause.COMPLAINT,
}

_UNSEEN = re.compile(r"[^!-~]+")
_CHARACTERS = 60  # of a word that is kept


def cause_of(kind: EventType, facts: Mapping[str, Any]) -> Cause | None:
    """The cause in an event's own object; None where nothing follows from it at all."""
    match kind:
        case EventType.BOUNCE:
            return _bounce(*_words(kind, facts), facts)
        case EventType.COMPLAINT:
            return _complaint(*_words(kind, facts))
        case EventType.OTHER:
            return Cause.UNKNOWN
        case _:
            return None


def word_of(kind: EventType, type_name: str, facts: Mapping[str, Any]) -> str:
    """What SES calls a bounce, a complaint or an event of an unknown type, such as
    `Bounce/Permanent/General`: short, of visible characters alone. Empty for all other events."""
    if kind not in (EventType.BOUNCE, EventType.COMPLAINT, EventType.OTHER):
        return ""
    words = (type_name, *_words(kind, facts))
    return "/".join(_UNSEEN.sub("?", word)[:_CHARACTERS] for word in words if word)


def _words(kind: EventType, facts: Mapping[str, Any]) -> tuple[str, str]:
    """The two fields that specify a bounce or a complaint."""
    if kind is EventType.BOUNCE:
        return _text(facts, "bounceType"), _text(facts, "bounceSubType")
    return _text(facts, "complaintSubType"), _text(facts, "complaintFeedbackType")


def _text(facts: Mapping[str, Any], name: str) -> str:
    """A field: empty where it is missing or null; where it is not text, a word that no table
    has."""
    value = facts.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    return f"({type(value).__name__})"


def _bounce(kind: str, sub_type: str, facts: Mapping[str, Any]) -> Cause | None:
    if kind in ("Transient", "Undetermined") and facts.get("bouncedRecipients") == []:
        return None  # the automatic reply of somebody who is out of office
    return BOUNCES.get((kind, sub_type), Cause.UNKNOWN)


def _complaint(sub_type: str, feedback: str) -> Cause | None:
    if sub_type not in COMPLAINTS or feedback not in FEEDBACK:
        return Cause.UNKNOWN
    return FEEDBACK[feedback] and COMPLAINTS[sub_type]
