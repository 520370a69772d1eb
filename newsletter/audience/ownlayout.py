"""The columns of our own export: what it writes and the import reads back."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.audience.statuses import moment
from newsletter.model.address import Address
from newsletter.model.subscriber import (
    ConsentFact,
    ConsentKind,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.store.people.former import FormerAddress
from newsletter.store.people.staging import StagedFormer, StagedSaid
from newsletter.store.schema import microseconds

# After the attributes: an export that is read by people begins with what they know.
FACTS = (
    "consent_at",
    "consent_how",
    "consent_source",
    "consent_ip",
    "created_at",
    "paused_until",
    "suppression",
    "suppressed_at",
    "suppression_source",
    "consents",
    "former_addresses",
)
SIGNATURE = frozenset({"email", "name", "status", "consent_how", "suppression", "consents"})
# An attribute so called would be taken for one of the columns that every export has.
TAKEN = frozenset({"list", "status", *FACTS})
STATUSES = frozenset({"", *(status.value for status in SubscriptionStatus)})
REASONS = frozenset({"", *(reason.value for reason in SuppressionReason)})
_PREFIX = "attribute:"


def column_of(attribute: str) -> str:
    return f"{_PREFIX}{attribute}" if attribute in TAKEN else attribute


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """Where in a row of our own export what is; -1 for a column that is not there."""

    list: int
    status: int
    consent_how: int
    created_at: int
    paused_until: int
    suppression: int
    suppressed_at: int
    suppression_source: int
    consents: int
    former_addresses: int


def own_columns(names: Sequence[str]) -> OwnColumns:
    return OwnColumns(
        *(names.index(name) if name in names else -1 for name in OwnColumns.__slots__)
    )


def written(facts: Iterable[ConsentFact]) -> str:
    """Lines of the consent log as one cell; empty if there are none."""
    lines = [
        {
            "kind": fact.kind.value,
            "at": fact.consent.at.isoformat(),
            "how": fact.consent.how,
            **_filled(
                source=fact.consent.source,
                wording=fact.consent.wording,
                ip=fact.consent.ip,
                detail=fact.detail,
                person=fact.list is None,
            ),
        }
        for fact in facts
    ]
    return json.dumps(lines, ensure_ascii=False) if lines else ""


def written_former(former: Iterable[FormerAddress]) -> str:
    """The addresses that somebody had before as one cell; empty if there are none."""
    lines = [
        {"address": each.address.text, "until": each.at.isoformat()}
        for each in former
        if each.address is not None
    ]
    return json.dumps(lines) if lines else ""


def read_former(cell: str, place: int) -> Iterator[StagedFormer]:
    """What `written_former` made. Raises ValueError for anything else."""
    if not cell:
        return
    try:
        for line in json.loads(cell):
            until = moment(line["until"])
            if until is None:
                raise ValueError(cell)
            yield StagedFormer(place, Address(line["address"]).text, microseconds(until))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        column = "former_addresses"
        raise ValueError(f"the column {column} does not hold what an export writes") from error


def read(cell: str, place: int) -> Iterator[StagedSaid]:
    """The lines that `written` made. Raises ValueError for anything else."""
    if not cell:
        return
    try:
        lines = json.loads(cell)
        for line in lines:
            at = moment(line["at"])
            if at is None:
                raise ValueError(cell)
            yield StagedSaid(
                place,
                bool(line.get("person")),
                ConsentKind(line["kind"]).value,
                microseconds(at),
                *(_text(line.get(key, "")) for key in ("how", "source", "wording", "ip", "detail")),
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("the column consents does not hold what an export writes") from error


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not text")
    return value
