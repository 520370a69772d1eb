"""One JSON shape for each noun: that of every --json and of every view. Times are ISO 8601.

`reports` is not among what this hands out: it takes long to load.
"""

from newsletter.operations.records.base import JsonObject, time
from newsletter.operations.records.people import (
    explanation,
    import_,
    mailing_list,
    members,
    person,
    sample,
    segment,
    subscription,
    suppression,
)
from newsletter.operations.records.sends import approval, delivery, part, proposal, send, trial
from newsletter.operations.records.state import (
    deed,
    examination,
    set_aside,
    theme,
    webhook_endpoint,
    webhook_message,
)

__all__ = [
    "JsonObject",
    "approval",
    "deed",
    "delivery",
    "examination",
    "explanation",
    "import_",
    "mailing_list",
    "members",
    "part",
    "person",
    "proposal",
    "sample",
    "segment",
    "send",
    "set_aside",
    "subscription",
    "suppression",
    "theme",
    "time",
    "trial",
    "webhook_endpoint",
    "webhook_message",
]
