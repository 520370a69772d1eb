"""What pages ask of the studio, and how it says no: the shapes of its JSON."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from newsletter.errors import NewsletterError, UsageError
from newsletter.model.subscriber import Suppression, SuppressionReason

if TYPE_CHECKING:
    from newsletter.model.address import Address

_TEXT_CHARACTERS = 1 << 20  # more than an issue may have
_MOST_ADDRESSES = 20
_ADDRESS_CHARACTERS = 400
_LINE = re.compile(r":(\d+)(?::\d+)?$")


class ViewWish(BaseModel):
    """What a page wants to see. `text` is what its editor holds, None for the file as it is;
    `reader` is `sample`, `nameless`, `longest` or the address of a subscriber."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str | None = Field(None, max_length=_TEXT_CHARACTERS)
    reader: str = "sample"
    look: Literal["light", "dark", "forced"] = "light"
    pictures: bool = True
    styles: bool = True
    outlook: bool = False
    part: Literal["mail", "text", "source", "headers"] = "mail"


class TextWish(BaseModel):
    """`version` is that of the file from which the text was made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = Field(max_length=_TEXT_CHARACTERS)
    version: str


class LineWish(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    line: int = Field(ge=1, le=_TEXT_CHARACTERS)


class TypedWish(BaseModel):
    """`typed` confirms what cannot be taken back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    typed: str = Field(max_length=100)


class DecisionWish(TypedWish):
    decision: Literal["resend", "accept", "reject"]


class AddressWish(BaseModel):
    """An address; or a subscriber's id, or that of a delivery, where somebody is explained."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: str = Field(max_length=_ADDRESS_CHARACTERS)


class TypedAddressWish(AddressWish):
    typed: str = Field("", max_length=_ADDRESS_CHARACTERS)


class SuppressionPlace(BaseModel):
    """The last suppression that a page shows."""

    model_config = ConfigDict(extra="forbid")

    created_at: AwareDatetime
    address: str = Field(max_length=_ADDRESS_CHARACTERS)

    def place(self) -> Suppression:
        """What comes after it is looked up by its time and address alone."""
        return Suppression(self.address, SuppressionReason.MANUAL, "", self.created_at)


class SuppressedWish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: SuppressionReason | Literal[""] = ""
    after: SuppressionPlace | None = None


class TrialWish(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    to: list[str]

    def addresses(self) -> "list[Address]":
        """Raises UsageError for what is no address, and for none or too many."""
        from newsletter.audience.address import parse

        if not 1 <= len(self.to) <= _MOST_ADDRESSES:
            raise UsageError(
                f"a test goes to 1 to {_MOST_ADDRESSES} addresses, and these are {len(self.to)}",
                hint="Write one address a line.",
            )
        return [parse(text) for text in self.to]


def fault(error: NewsletterError) -> Mapping[str, Any]:
    line = _LINE.search(error.where or "")
    return {
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "line": int(line[1]) if line else None,
    }
