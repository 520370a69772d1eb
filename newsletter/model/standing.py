"""What a row of another system's file says about its person, in the vocabulary of this program."""

from enum import StrEnum

from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason


class Standing(StrEnum):
    """From a yes to the firmest no: where a file says several things about a person, the last in
    this order counts."""

    CONFIRMED = "confirmed"
    PENDING = "pending"  # never confirmed
    UNSUBSCRIBED = "unsubscribed"
    MANUAL = "manual"  # blocked, disabled, banned
    SOFT_BOUNCE = "soft_bounce"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"

    @property
    def reason(self) -> SuppressionReason | None:
        """Why the address is never mailed again, where it says so."""
        is_departure_of_address = FIRMNESS[self] > FIRMNESS[Standing.UNSUBSCRIBED]
        return SuppressionReason(self.value) if is_departure_of_address else None

    @property
    def status(self) -> SubscriptionStatus | None:
        """Where the person stands on the list; None where the address itself is suppressed."""
        return None if self.reason else SubscriptionStatus(self.value)


FIRMNESS = {standing: place for place, standing in enumerate(Standing)}
