"""Letting staged rows join the people, in one transaction and a few statements for all of them.

It never brings anybody back: those who left the list stay unsubscribed whatever a file says, and
suppressed or erased people are skipped. A file's no is recorded even for people whom the store
never saw.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import locks
from newsletter.store.people import (
    former,
    imports,
    lists,
    people,
    statements,
    subscribing,
    suppressing,
)
from newsletter.store.people.staging import DEFAULT_LIST, Hashes, Staging
from newsletter.store.schema import UtcTime, from_microseconds

_MANY = 50_000


@dataclass(frozen=True, slots=True)
class Merged:
    """The results of the staged rows; the counts sum to their number."""

    import_id: int
    added: int
    updated: int
    unchanged: int
    skipped: int
    unsubscribed: int
    suppressed: int
    lists_created: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        names = ("added", "updated", "unchanged", "skipped", "unsubscribed", "suppressed")
        return {name: getattr(self, name) for name in names}


def merge(
    stage: Staging, list_names: Mapping[int, str], consent: Consent, system: str, hashes: Hashes
) -> Merged:
    """Let the staged rows join the people and the lists, which are made where they are missing.

    `list_names` are the lists by the numbers that rows give; `consent` is for rows that do not have
    their own. The caller holds the transaction: all or nothing.
    """
    connection = stage.connection
    locks.people(connection)
    import_id, at = imports.begin(connection, consent.at, consent.source, system)
    created, list_id = _name_lists(stage, list_names, at)
    stage.skip_erased(hashes)
    values = {"now": at, "how": consent.how, "source": consent.source, "import": import_id}
    skipped = stage.run(statements.DELETE_SUPPRESSED) + _skip_former(stage)
    stage.run(statements.FIND_KNOWN.format(merged=_merged(stage)))
    stage.run("ANALYZE known")
    counts = connection.execute(sa.text(statements.COUNT_KNOWN)).one()
    staged = {
        row.standing: row.rows for row in connection.execute(sa.text(statements.COUNT_STAGED))
    }
    if counts.added or counts.updated or counts.saying_no:
        _change_known(stage, values)
    if new := sum(staged.values()) - counts.rows:
        _insert_people(stage, new, list(staged), list_id, values, any_known=counts.rows > 0)
    if stage.has_history:
        stage.run(statements.LOG_SAID, now=at, **{"import": import_id})
        stage.run(statements.PAUSE, now=at)
        _note_former(stage, hashes, at)
    newly_left = staged.get(SubscriptionStatus.UNSUBSCRIBED, 0) - counts.saying_no
    added = counts.added + new - newly_left
    suppressed = stage.count(statements.COUNT_SUPPRESSED)
    stage.run(suppressing.DECIDE_STAGED, **values)
    stage.run(suppressing.LOG_DECIDED, **values)
    skipped += counts.left_before + stage.erased
    unsubscribed = counts.leaving + newly_left
    merged = Merged(
        import_id=import_id,
        added=added,
        updated=counts.updated,
        unchanged=stage.loaded - added - counts.updated - skipped - unsubscribed - suppressed,
        skipped=skipped,
        unsubscribed=unsubscribed,
        suppressed=suppressed,
        lists_created=created,
    )
    imports.finish(connection, import_id, merged.counts)
    return merged


def _name_lists(
    stage: Staging, list_names: Mapping[int, str], at: dt.datetime
) -> tuple[tuple[str, ...], int | None]:
    """Tell the rows which list each number is; returns those that were made, and the id of the
    list of rows that name none."""
    created = tuple(
        name for name in list_names.values() if lists.create(stage.connection, name, at)
    )
    ids = {number: lists.id_of(stage.connection, name) for number, name in list_names.items()}
    for number, list_id in ids.items():
        stage.run("INSERT INTO aims VALUES (:number, :list)", number=number, list=list_id)
    return created, ids.get(DEFAULT_LIST)


def _skip_former(stage: Staging) -> int:
    """Drop rows with a former address of somebody; a no counts for their present address. Returns
    how many were dropped."""
    skipped = 0
    for row in stage.connection.execute(sa.text(statements.FORMER)).all():
        says_no = row.standing == SubscriptionStatus.UNSUBSCRIBED and row.present
        if not says_no or not stage.run(statements.GIVE_TO_PRESENT, line=row.line, key=row.present):
            skipped += stage.run("DELETE FROM staged WHERE line = :line", line=row.line)
    return skipped


def _note_former(stage: Staging, hashes: Hashes, now: dt.datetime) -> None:
    """Record the former addresses of new people, unless they are somebody else's."""
    query = sa.text(statements.FORMER_OF_NEW).bindparams(sa.bindparam("now", type_=UtcTime))
    for row in stage.connection.execute(query, {"now": now}).all():
        address, until = Address(row.address), from_microseconds(row.until)
        newest_hash, *_ = hashes(address.key)
        key = people.new_link_key()  # we mailed no link there
        former.add(stage.connection, row.id, address, newest_hash, key, min(until or now, now))


def _change_known(stage: Staging, values: Mapping[str, Any]) -> None:
    """Apply what a file says about known people; what it replaces is kept for undoing."""
    number = {"import": values["import"]}
    stage.run(statements.KEEP_PEOPLE, **number)
    stage.run(statements.UPDATE_PEOPLE, now=values["now"])
    if not stage.is_sqlite:
        stage.run(statements.HOLD_CHANGING)
    stage.run(statements.KEEP_SUBSCRIPTIONS, **number)
    if not stage.is_sqlite:
        stage.run("ANALYZE import_changes")  # or each of many who leave is looked for among all
    stage.run(statements.LOG_EARLIER, **number)
    stage.run(statements.LOG_LEAVING, **values)
    stage.run(statements.SAY_AGAIN, now=values["now"])
    stage.run(subscribing.CONFIRM_KNOWN, **values)
    stage.run(subscribing.TAKE_OFF_KNOWN, now=values["now"])
    stage.run(subscribing.SUBSCRIBE_KNOWN, **values)


def _insert_people(
    stage: Staging,
    rows: int,
    standings: Collection[str],
    list_id: int | None,
    values: Mapping[str, Any],
    *,
    any_known: bool,
) -> None:
    """Make the new people, and let them join: under the lock, all ids above the former highest are
    theirs.

    Most files say nothing more of a consent, so that all its people of one standing have the same:
    they join without being looked up one by one.
    """
    many = rows > _MANY and not stage.is_sqlite
    # In the order of the unique index a million go into PostgreSQL in two thirds of the time;
    # a few keep the order of the file, which is the one that people expect to see again.
    parts = {
        "order": "key" if many else "line",
        "link_key": statements.LINK_KEYS["sqlite" if stage.is_sqlite else "postgresql"],
    }
    now = values["now"]
    # Even an empty table costs a lookup for each of a million rows.
    is_new = [statements.IS_NOT_KNOWN] if any_known else []
    is_plain = [*is_new, f"NOT {statements.HAS_FACTS}"] if stage.has_facts else is_new
    for wanted in SubscriptionStatus:
        if wanted not in standings:
            continue
        last = stage.count(statements.LAST_PERSON)
        whose = " AND ".join(["standing = :wanted", *is_plain])
        insert = statements.INSERT_PEOPLE.format(whose=whose, **parts)
        if stage.run(insert, now=now, wanted=wanted.value):
            joined = {**values, "list": list_id, "last": last}
            stage.run(subscribing.SUBSCRIBE_NEW, **joined, wanted=wanted.value)
            if wanted is SubscriptionStatus.UNSUBSCRIBED:
                stage.run(statements.LOG_NEWLY_LEFT, **joined)
    whose = " AND ".join([statements.HAS_FACTS, *is_new])
    insert = statements.INSERT_PEOPLE.format(whose=whose, **parts) + "ON CONFLICT DO NOTHING"
    if stage.has_facts and stage.run(insert, now=now):
        each = subscribing.SUBSCRIBE_NEW_EACH.format(new_each=statements.NEW_EACH)
        stage.run(each, **values)
        stage.run(statements.LOG_NEWLY_LEFT_EACH, **values)
    if many:
        # Or the plan of a send that follows at once would look up a million one by one.
        stage.run("ANALYZE subscribers, subscriptions")


def _merged(stage: Staging) -> str:
    """SQL for the attributes after the merge, NULL where nothing changes."""
    if stage.is_sqlite:
        return "merged_attributes(s.attributes, staged.attributes)"
    return (
        "CASE WHEN s.attributes::jsonb @> staged.attributes::jsonb THEN NULL "
        "ELSE (s.attributes::jsonb || staged.attributes::jsonb)::json END"
    )
