"""The mailbox simulator of SES: mail to it hurts no reputation, and each address has its outcome.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""

import json

from newsletter.doctor.base import Simulated, Witness
from newsletter.model.send import Reported

_HOST = "simulator.amazonses.com"

SIMULATOR = (
    Simulated("success", f"success@{_HOST}", Reported.DELIVERED, suppresses=False),
    Simulated("bounce", f"bounce@{_HOST}", Reported.BOUNCED, suppresses=True),
    Simulated("complaint", f"complaint@{_HOST}", Reported.COMPLAINED, suppresses=True),
    Simulated("suppressed", f"suppressionlist@{_HOST}", Reported.BOUNCED, suppresses=True),
)


def witness(payload: str) -> Witness | None:
    """The headers and tags of the mail that an event is about, bare or in an envelope of SNS."""
    try:
        event = json.loads(payload)
        if "Message" in event:
            event = json.loads(event["Message"])
        mail = event["mail"]
        headers = {str(one["name"]).lower(): str(one["value"]) for one in mail["headers"]}
        tags = {name: str(values[0]) for name, values in mail["tags"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return Witness(headers, tags)
