"""The exports of other newsletter systems: which column of whose file means what.

One record a system, of names in lower case. Columns that a record does not name become attributes;
if they look like a status, they are read as in any file. Sources: listmonk's code of its export,
Mailchimp's help on exporting an audience, the members export of Ghost, the subscriber types of
Buttondown's API, and files that Substack and Sendy wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.audience.ownlayout import SIGNATURE, TAKEN
from newsletter.audience.statuses import Words
from newsletter.model.standing import Standing

_TRUTH: Words = {"true": Standing.CONFIRMED, "false": Standing.UNSUBSCRIBED}


@dataclass(frozen=True, slots=True)
class System:
    """`email` and the consent columns are tried in order; the first that a row fills counts.

    `words` are the columns whose every cell must be a word of their table; a file has one of them,
    unless its system writes `a_file_each` for those who stay and those who left. `happened` are
    those in which anything means a standing. A file with a word of `file_names` in its own name
    says that of all its people. `signature` are columns that no other system's file has together;
    empty where there are none.
    """

    name: str
    email: tuple[str, ...] = ("email",)
    signature: frozenset[str] = frozenset()
    words: Mapping[str, Words] = field(default_factory=dict)
    a_file_each: bool = False
    happened: Mapping[str, Standing] = field(default_factory=dict)
    file_names: Mapping[str, Standing] = field(default_factory=dict)
    consent_at: tuple[str, ...] = ()
    consent_source: tuple[str, ...] = ()
    consent_ip: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()  # what would look like a status and is none
    is_own: bool = False  # our export: newsletter.audience.ownlayout has the rest of its columns
    ignored: frozenset[str] = frozenset()


LISTMONK = System(
    "listmonk",
    signature=frozenset({"uuid", "email", "attributes", "status"}),
    words={
        "status": {
            "enabled": Standing.CONFIRMED,
            "disabled": Standing.MANUAL,
            "blocklisted": Standing.MANUAL,
            "blacklisted": Standing.MANUAL,
        },
        "subscription_status": {
            "confirmed": Standing.CONFIRMED,
            "unconfirmed": Standing.PENDING,
            "unsubscribed": Standing.UNSUBSCRIBED,
        },
    },
    consent_at=("created_at",),
    json=("attributes", "attribs"),
    ignored=frozenset({"id", "uuid", "updated_at"}),
)
MAILCHIMP = System(
    "mailchimp",
    email=("email address", "email"),
    signature=frozenset({"email address", "leid", "euid"}),
    words={
        "status": {
            "subscribed": Standing.CONFIRMED,
            "pending": Standing.PENDING,
            "transactional": Standing.PENDING,
            "non-subscribed": Standing.PENDING,
            "unsubscribed": Standing.UNSUBSCRIBED,
            "archived": Standing.UNSUBSCRIBED,
            "cleaned": Standing.HARD_BOUNCE,
        }
    },
    a_file_each=True,
    happened={"unsub_time": Standing.UNSUBSCRIBED, "clean_time": Standing.HARD_BOUNCE},
    file_names={
        "nonsubscribed": Standing.PENDING,
        "non-subscribed": Standing.PENDING,
        "transactional": Standing.PENDING,
        "unsubscribed": Standing.UNSUBSCRIBED,
        "cleaned": Standing.HARD_BOUNCE,
    },
    consent_at=("confirm_time", "optin_time"),
    consent_ip=("confirm_ip", "optin_ip"),
    ignored=frozenset(
        "clean_campaign_title clean_campaign_id unsub_campaign_title unsub_campaign_id "
        "unsub_reason unsub_reason_other latitude longitude gmtoff dstoff last_changed "
        "leid euid".split()
    ),
)
SUBSTACK = System(
    "substack",
    signature=frozenset({"active_subscription", "email_disabled"}),
    words={"email_disabled": {"false": Standing.CONFIRMED, "true": Standing.UNSUBSCRIBED}},
    consent_at=("created_at",),
    attributes=frozenset({"active_subscription", "expiry", "plan"}),  # what they pay
)
GHOST = System(
    "ghost",
    signature=frozenset({"email", "subscribed_to_emails"}),
    words={"subscribed_to_emails": _TRUTH},
    happened={"deleted_at": Standing.UNSUBSCRIBED},
    consent_at=("created_at",),
    ignored=frozenset({"id", "stripe_customer_id"}),
)
SENDY = System(
    "sendy",
    words={
        "status": {
            "active": Standing.CONFIRMED,
            "subscribed": Standing.CONFIRMED,
            "unconfirmed": Standing.PENDING,
            "unsubscribed": Standing.UNSUBSCRIBED,
            "bounced": Standing.HARD_BOUNCE,
            "soft bounced": Standing.SOFT_BOUNCE,
            "marked as spam": Standing.COMPLAINT,
        }
    },
)
_BUTTONDOWN_TYPES: Words = {
    **dict.fromkeys(
        "regular premium trialed gifted churning churned paused past_due".split(),
        Standing.CONFIRMED,
    ),
    **dict.fromkeys(("unactivated", "unpaid"), Standing.PENDING),
    **dict.fromkeys(("unsubscribed", "removed"), Standing.UNSUBSCRIBED),
    **dict.fromkeys(("blocked", "disabled", "spammy"), Standing.MANUAL),
    **dict.fromkeys(("undeliverable", "malformed"), Standing.HARD_BOUNCE),
    "complained": Standing.COMPLAINT,
}
BUTTONDOWN = System(
    "buttondown",
    email=("email", "email_address"),
    words={"type": _BUTTONDOWN_TYPES, "subscriber_type": _BUTTONDOWN_TYPES},
    happened={"unsubscription_date": Standing.UNSUBSCRIBED},
    consent_at=("creation_date", "created_at"),
    consent_ip=("ip_address",),
    json=("metadata",),
    ignored=frozenset(
        "id secondary_id avatar_url last_open_date last_click_date stripe_customer_id "
        "unsubscription_reason undeliverability_reason undeliverability_date "
        "last_bounce_date last_bounce_reason firewall_reasons risk_score".split()
    ),
)
NEWSLETTER = System(
    "newsletter",
    signature=SIGNATURE,
    consent_at=("consent_at",),
    consent_source=("consent_source",),
    consent_ip=("consent_ip",),
    ignored=TAKEN,
    is_own=True,
)
SYSTEMS = {
    system.name: system
    for system in (LISTMONK, MAILCHIMP, SUBSTACK, GHOST, SENDY, BUTTONDOWN, NEWSLETTER)
}


def recognised(header: Sequence[str]) -> System | None:
    """The system whose export has this header, beyond doubt."""
    names = {cell.strip().lower() for cell in header}
    return next(
        (each for each in SYSTEMS.values() if each.signature and each.signature <= names), None
    )
