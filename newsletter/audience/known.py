"""What is known about an address: the basis of facts and summaries."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.model.address import Address
from newsletter.model.subscriber import (
    ConsentFact,
    ConsentKind,
    SubscriptionStatus,
    Suppression,
)
from newsletter.store.people.former import FormerAddress
from newsletter.store.people.history import Mailing
from newsletter.store.people.people import Person


@dataclass(frozen=True, slots=True)
class Known:
    """The basis of summaries; `person` is None for an address that never joined."""

    address: Address
    person: Person | None
    suppression: Suppression | None
    consents: Sequence[ConsentFact]
    mailings: Sequence[Mailing]
    before: Sequence[FormerAddress]
    timezone: str
    note_of: Callable[[str], str | None]

    @property
    def yes_and_no(self) -> Iterator[ConsentFact]:
        """What they said about lists; an import keeps it with the subscription only."""
        lists_said = {fact.list for fact in self.consents}
        for joined in self.person.subscriptions if self.person else ():
            if joined.list not in lists_said:
                pending = joined.status is SubscriptionStatus.PENDING
                kind = ConsentKind.REQUESTED if pending else ConsentKind.CONFIRMED
                yield ConsentFact(kind, joined.list, joined.consent)
        yield from self.consents
