"""The tables of the store, the same on SQLite and PostgreSQL.

Alembic migrations (newsletter/store/migrations) make them; a test compares the two.

columns    what they are made of, and which are personal
people     subscribers, lists, subscriptions, imports, consents, requests, suppressions
segments   saved filters
ledger     sends, batches, deliveries, the rate, test mails, approvals,
           corrections
reported   events
state      the store itself, its moves, pictures, and who did what
webhooks   what other programs are told
"""

from pathlib import Path

from newsletter.store.schema.columns import (
    EPOCH,
    MICROSECOND,
    UtcTime,
    from_microseconds,
    is_copied,
    is_personal,
    metadata,
    microseconds,
)
from newsletter.store.schema.ledger import (
    approvals,
    archived_deliveries,
    batches,
    corrections,
    deliveries,
    hidden_issues,
    limiter,
    receipts,
    sends,
    tenures,
    workers,
)
from newsletter.store.schema.people import (
    consents,
    former_addresses,
    import_changes,
    import_people,
    imports,
    lists,
    requests,
    subscribers,
    subscriptions,
    suppression_log,
    suppressions,
)
from newsletter.store.schema.reported import events
from newsletter.store.schema.segments import segments
from newsletter.store.schema.state import audit_log, media, relocations, state
from newsletter.store.schema.webhooks import webhook_messages

__all__ = [
    "EPOCH",
    "MICROSECOND",
    "REVISION",
    "UtcTime",
    "approvals",
    "archived_deliveries",
    "audit_log",
    "batches",
    "consents",
    "corrections",
    "deliveries",
    "events",
    "former_addresses",
    "from_microseconds",
    "hidden_issues",
    "import_changes",
    "import_people",
    "imports",
    "is_copied",
    "is_personal",
    "limiter",
    "lists",
    "media",
    "metadata",
    "microseconds",
    "receipts",
    "relocations",
    "requests",
    "segments",
    "sends",
    "state",
    "subscribers",
    "subscriptions",
    "suppression_log",
    "suppressions",
    "tenures",
    "webhook_messages",
    "workers",
]

# The newest migration, by its name; opening a store compares it without loading Alembic.
_MIGRATIONS = Path(__file__).parents[1] / "migrations" / "versions"
REVISION = max(path.stem[1:5] for path in _MIGRATIONS.glob("v[0-9]*.py"))
