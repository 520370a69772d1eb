"""One send as it stands in the ledger."""

from newsletter.errors import UsageError
from newsletter.model.send import Send
from newsletter.store import Store
from newsletter.store.ledger import sends


def read(store: Store, send_id: str) -> Send:
    """A send by its id, or by a beginning of it that only one has."""
    with store.read() as connection:
        send = sends.find(connection, send_id)
    if send is None:
        raise UsageError(f"there is no send {send_id!r}", hint="See: newsletter sends")
    return send
