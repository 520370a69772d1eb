"""The exports of other newsletter systems, and what their columns mean.

One record a system, of names in lower case. Columns that a record does not name become attributes;
if they look like a status, they are read as in any file. Sources: listmonk's code of its export,
Mailchimp's help on exporting an audience, the members export of Ghost, the subscriber types of
Buttondown's API, and files that Substack, Sendy and Mailchimp wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.audience.ownlayout import SIGNATURE, TAKEN
from newsletter.audience.vocabulary import Words
from newsletter.model.standing import Standing

_TRUTH: Words = {"true": Standing.CONFIRMED, "false": Standing.UNSUBSCRIBED}


@dataclass(frozen=True, slots=True)
class System:
    """`email` and the consent columns are tried in order; the first that a row fills counts.

    `words` are the columns whose every cell must be a word of their table; a file has one of them,
    unless its system writes `a_file_each` for those who stay and those who left. `happened` are
    those in which anything means a standing. A file with a word of `file_names` in its own name
    says that about all its people. Each of `signatures` is a set of columns that no other system's
    file has together. Where it `has_times_of_yes`, a row without any time of consent never said
    yes, unless the name of its file does.
    """

    name: str
    email: tuple[str, ...] = ("email",)
    signatures: tuple[frozenset[str], ...] = ()
    words: Mapping[str, Words] = field(default_factory=dict)
    a_file_each: bool = False
    happened: Mapping[str, Standing] = field(default_factory=dict)
    file_names: Mapping[str, Standing] = field(default_factory=dict)
    consent_at: tuple[str, ...] = ()
    has_times_of_yes: bool = False
    consent_source: tuple[str, ...] = ()
    consent_ip: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()  # columns that look like a status but are not
    is_own: bool = False  # our export: newsletter.audience.ownlayout has the rest of its columns
    ignored: frozenset[str] = frozenset()


LISTMONK = System(
    "listmonk",
    signatures=(frozenset({"uuid", "email", "attributes", "status"}),),
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
    signatures=(frozenset({"email address", "leid", "euid"}),),
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
        "archived": Standing.UNSUBSCRIBED,
        "cleaned": Standing.HARD_BOUNCE,
        "subscribed": Standing.CONFIRMED,  # last, since some of the words above contain it
    },
    consent_at=("confirm_time", "optin_time"),
    has_times_of_yes=True,
    consent_ip=("confirm_ip", "optin_ip"),
    ignored=frozenset(
        "clean_campaign_title clean_campaign_id unsub_campaign_title unsub_campaign_id "
        "unsub_reason unsub_reason_other latitude longitude gmtoff dstoff last_changed "
        "leid euid".split()
    ),
)
# Two layouts: the list of addresses, which says who left, and the table of the dashboard. The
# cancellation date in the latter may be about payments or about mails: whoever imports it has to
# say.
SUBSTACK = System(
    "substack",
    signatures=(
        frozenset({"active_subscription", "expiry"}),
        frozenset({"email", "start date", "emails received (6mo)"}),
        frozenset({"email", "start date", "subscription source (free)"}),
    ),
    words={
        "email_disabled": {"false": Standing.CONFIRMED, "true": Standing.UNSUBSCRIBED},
        "cancel date": {"": None},
    },
    consent_at=("created_at", "start date"),
    attributes=frozenset({"active_subscription", "expiry", "plan", "days active (30d)"}),
)
GHOST = System(
    "ghost",
    signatures=(frozenset({"email", "subscribed_to_emails"}),),
    words={"subscribed_to_emails": _TRUTH},
    happened={"deleted_at": Standing.UNSUBSCRIBED},
    consent_at=("created_at",),
    ignored=frozenset({"id", "stripe_customer_id", "gift_id"}),
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
    **dict.fromkeys(("unactivated", "unpaid", "upcoming"), Standing.PENDING),
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
    signatures=(SIGNATURE,),
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
    """The system whose export certainly has this header."""
    names = {cell.strip().lower() for cell in header}
    return next(
        (each for each in SYSTEMS.values() if any(own <= names for own in each.signatures)), None
    )
