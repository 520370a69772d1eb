"""What a bounce or complaint means for its address: the tables of causes.

The words are those of "Bounce types" and "Complaint object" in Amazon SES's documentation.
"""

from collections.abc import Mapping
from typing import Any

from newsletter.model.event import Cause, EventType

# By bounceType and bounceSubType; `*` stands for every other one, also for those yet to come.
BOUNCES: Mapping[tuple[str, str], Cause] = {
    ("Permanent", "OnAccountSuppressionList"): Cause.LISTED,
    ("Permanent", "UnsubscribedRecipient"): Cause.LISTED,
    ("Permanent", "*"): Cause.HARD,
    ("Transient", "MessageTooLarge"): Cause.MESSAGE,
    ("Transient", "ContentRejected"): Cause.MESSAGE,
    ("Transient", "AttachmentRejected"): Cause.MESSAGE,
    ("*", "*"): Cause.SOFT,
}

# By complaintSubType, for what is no `not-spam`.
COMPLAINTS: Mapping[str, Cause] = {
    "OnAccountSuppressionList": Cause.LISTED,
    "*": Cause.COMPLAINT,
}


def cause_of(kind: EventType, facts: Mapping[str, Any]) -> Cause | None:
    """The cause that an event's own object tells; None where nothing follows from it at all."""
    if kind is EventType.BOUNCE:
        return _bounce(str(facts.get("bounceType")), str(facts.get("bounceSubType")), facts)
    if kind is EventType.COMPLAINT:
        return _complaint(facts)
    return None


def _bounce(kind: str, sub_type: str, facts: Mapping[str, Any]) -> Cause | None:
    if kind != "Permanent" and facts.get("bouncedRecipients") == []:
        return None  # the automatic reply of somebody who is out of office
    return BOUNCES.get((kind, sub_type)) or BOUNCES.get((kind, "*")) or BOUNCES[("*", "*")]


def _complaint(facts: Mapping[str, Any]) -> Cause | None:
    if facts.get("complaintFeedbackType") == "not-spam":
        return None
    return COMPLAINTS.get(str(facts.get("complaintSubType"))) or COMPLAINTS["*"]
