"""Letting staged rows join the people, in one transaction and a few statements for all of them.

It never revives: who left the list stays so whatever a file says, and who is suppressed or was
erased is skipped. A file's no is recorded, for people the store never saw too.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from newsletter.model.address import Address
from newsletter.model.subscriber import Consent, SubscriptionStatus
from newsletter.store import locks
from newsletter.store.people import former, imports, lists, people
from newsletter.store.people.staging import DEFAULT_LIST, Hashes, Staging
from newsletter.store.schema import UtcTime, from_microseconds

_MANY = 50_000


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the staged rows; the counts sum to them."""

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

    `list_names` are the lists by the numbers that rows give; `consent` is that of the rows that
    tell no more of theirs. The caller holds the transaction: all or nothing.
    """
    connection = stage.connection
    locks.people(connection)
    import_id, at = imports.begin(connection, consent.at, consent.source, system)
    created, list_id = _name_lists(stage, list_names, at)
    stage.skip_erased(hashes)
    values = {"now": at, "how": consent.how, "source": consent.source, "import": import_id}
    skipped = stage.run(_DELETE_SUPPRESSED) + _skip_former(stage)
    stage.run(_FIND_KNOWN.format(merged=_merged(stage)))
    stage.run("ANALYZE known")
    known = connection.execute(sa.text(_COUNT_KNOWN)).one()
    staged = {row.standing: row.rows for row in connection.execute(sa.text(_COUNT_STAGED))}
    if known.added or known.updated or known.saying_no:
        _change_known(stage, values)
    if new := sum(staged.values()) - known.rows:
        _insert_people(stage, new, list(staged), list_id, values, any_known=known.rows > 0)
    if stage.has_history:
        stage.run(_LOG_SAID, now=at, **{"import": import_id})
        stage.run(_PAUSE, now=at)
        _note_former(stage, hashes, at)
    newly_left = staged.get(SubscriptionStatus.UNSUBSCRIBED, 0) - known.saying_no
    added = known.added + new - newly_left
    suppressed = stage.count(_COUNT_SUPPRESSED)
    stage.run(_SUPPRESS, **values)
    stage.run(_LOG_SUPPRESSED, **values)
    skipped += known.left_before + stage.erased
    unsubscribed = known.leaving + newly_left
    merged = Merged(
        import_id=import_id,
        added=added,
        updated=known.updated,
        unchanged=stage.loaded - added - known.updated - skipped - unsubscribed - suppressed,
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
    """Drop rows with an address that somebody has given up; a no counts for the address that they
    have now. Returns how many were dropped."""
    skipped = 0
    for row in stage.connection.execute(sa.text(_FORMER)).all():
        says_no = row.standing == "unsubscribed" and row.present
        if not says_no or not stage.run(_GIVE_TO_PRESENT, line=row.line, key=row.present):
            skipped += stage.run("DELETE FROM staged WHERE line = :line", line=row.line)
    return skipped


def _note_former(stage: Staging, hashes: Hashes, now: dt.datetime) -> None:
    """Keep which addresses the new people had before: none of those is of somebody else."""
    query = sa.text(_FORMER_OF_NEW).bindparams(sa.bindparam("now", type_=UtcTime))
    for row in stage.connection.execute(query, {"now": now}).all():
        address, until = Address(row.address), from_microseconds(row.until)
        newest_hash, *_ = hashes(address.key)
        key = people.new_link_key()  # no link of ours was mailed there
        former.add(stage.connection, row.id, address, newest_hash, key, min(until or now, now))


def _change_known(stage: Staging, values: Mapping[str, Any]) -> None:
    """What a file says of people who are there already; what it replaces is kept for undoing."""
    number = {"import": values["import"]}
    stage.run(_KEEP_PEOPLE, **number)
    stage.run(_UPDATE_PEOPLE, now=values["now"])
    if not stage.is_sqlite:
        stage.run(_HOLD_CHANGING)
    stage.run(_KEEP_SUBSCRIPTIONS, **number)
    stage.run(_LOG_EARLIER, **number)
    stage.run(_LOG_LEAVING, **values)
    stage.run(_SAY_AGAIN, now=values["now"])
    stage.run(_CONFIRM_PENDING, **values)
    stage.run(_UNSUBSCRIBE, now=values["now"])
    stage.run(_SUBSCRIBE_KNOWN, **values)


def _insert_people(
    stage: Staging,
    rows: int,
    standings: Collection[str],
    list_id: int | None,
    values: Mapping[str, Any],
    *,
    any_known: bool,
) -> None:
    """Make the people who are new, and let them join: under the lock, whoever has a higher id than
    anybody before is one of them.

    Most files say nothing more of a consent, so that all its people of one standing have the same:
    they join without being looked up one by one.
    """
    many = rows > _MANY and not stage.is_sqlite
    # In the order of the unique index a million go into PostgreSQL in two thirds of the time;
    # a few keep the order of the file, which is the one that people expect to see again.
    parts = {
        "order": "key" if many else "line",
        "link_key": _LINK_KEYS["sqlite" if stage.is_sqlite else "postgresql"],
    }
    now = values["now"]
    # An empty table costs a look for each of a million rows.
    is_new = [_IS_NOT_KNOWN] if any_known else []
    is_plain = [*is_new, f"NOT {_HAS_FACTS}"] if stage.has_facts else is_new
    for wanted in SubscriptionStatus:
        if wanted not in standings:
            continue
        last = stage.count(_LAST_PERSON)
        whose = " AND ".join(["standing = :wanted", *is_plain])
        insert = _INSERT_PEOPLE.format(whose=whose, **parts)
        if stage.run(insert, now=now, wanted=wanted.value):
            joined = {**values, "list": list_id, "last": last}
            stage.run(_SUBSCRIBE_NEW, **joined, wanted=wanted.value)
            if wanted is SubscriptionStatus.UNSUBSCRIBED:
                stage.run(_LOG_NEWLY_LEFT, **joined)
    whose = " AND ".join([_HAS_FACTS, *is_new])
    insert = _INSERT_PEOPLE.format(whose=whose, **parts) + "ON CONFLICT DO NOTHING"
    if stage.has_facts and stage.run(insert, now=now):
        stage.run(_SUBSCRIBE_NEW_EACH, **values)
        stage.run(_LOG_NEWLY_LEFT_EACH, **values)
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


_COUNT_SUPPRESSED = """
SELECT count(*) FROM refused
WHERE alone AND NOT EXISTS (SELECT 1 FROM suppressions AS p WHERE p.address = refused.key)
"""
# In the order of the keys, or two that suppress could wait for each other.
_SUPPRESS = """
INSERT INTO suppressions (address, reason, source, created_at, import_id)
SELECT key, reason, source, coalesce(at, :now), :import FROM refused WHERE true ORDER BY key
ON CONFLICT (address) DO UPDATE SET import_id = NULL WHERE suppressions.import_id IS NOT NULL
"""
_LOG_SUPPRESSED = """
INSERT INTO suppression_log (address, at, action, reason, source)
SELECT p.address, :now, 'added', p.reason, p.source
FROM refused JOIN suppressions AS p ON p.address = refused.key AND p.import_id = :import
"""
_DELETE_SUPPRESSED = """
DELETE FROM staged WHERE standing <> 'unsubscribed'
    AND key IN (SELECT address FROM suppressions UNION ALL SELECT key FROM refused)
    AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.line = staged.line AND is_suppressed)
"""
_FORMER = """
SELECT staged.line, staged.standing, s.address_key AS present
FROM former_addresses AS f
JOIN staged ON staged.key = f.address_key
LEFT JOIN subscribers AS s ON s.id = f.subscriber_id
WHERE NOT EXISTS (SELECT 1 FROM subscribers AS c WHERE c.address_key = staged.key)
"""
_GIVE_TO_PRESENT = """
UPDATE staged SET key = :key
WHERE line = :line AND NOT EXISTS (
    SELECT 1 FROM staged AS s WHERE s.key = :key AND s.list = staged.list)
"""
# Who is there already, where they stand on the list, and what of name and attributes is new.
_FIND_KNOWN = """
INSERT INTO known
SELECT staged.line, s.id, aims.list_id, x.status, staged.standing,
    CASE WHEN staged.standing <> 'unsubscribed' AND staged.name NOT IN ('', s.name)
        THEN staged.name END,
    CASE WHEN staged.standing <> 'unsubscribed' THEN {merged} END
FROM staged
JOIN subscribers AS s ON s.address_key = staged.key
LEFT JOIN aims ON aims.number = staged.list
LEFT JOIN subscriptions AS x ON x.list_id = aims.list_id AND x.subscriber_id = s.id
"""
# All; those who join; those whom the file takes off; those who had left; and those with something
# new of them.
_COUNT_KNOWN = """
SELECT count(*) AS rows, count(*) FILTER (WHERE wanted = 'unsubscribed') AS saying_no,
    count(*) FILTER (WHERE standing IS NULL AND wanted IN ('confirmed', 'pending')) AS added,
    count(*) FILTER (WHERE wanted = 'unsubscribed' AND coalesce(standing, '') <> 'unsubscribed')
        AS leaving,
    count(*) FILTER (WHERE wanted <> 'unsubscribed' AND standing = 'unsubscribed') AS left_before,
    count(*) FILTER (
        WHERE (wanted <> 'unsubscribed' AND standing IN ('pending', 'confirmed')
                AND (name IS NOT NULL OR attributes IS NOT NULL))
            OR (standing = 'pending' AND wanted = 'confirmed')
            OR (wanted = '' AND (name IS NOT NULL OR attributes IS NOT NULL))) AS updated
FROM known
"""
_COUNT_STAGED = """
SELECT standing, count(*) AS rows FROM staged GROUP BY standing
"""
_IS_RENEWED = """subscribers.id = known.subscriber_id
    AND coalesce(known.standing, '') <> 'unsubscribed'
    AND (known.name IS NOT NULL OR known.attributes IS NOT NULL)"""
_KEEP_PEOPLE = f"""
INSERT INTO import_people (import_id, subscriber_id, name, attributes, updated_at)
SELECT :import, id, subscribers.name, subscribers.attributes, updated_at
FROM known CROSS JOIN subscribers WHERE {_IS_RENEWED}
ON CONFLICT DO NOTHING
"""
_UPDATE_PEOPLE = f"""
UPDATE subscribers SET name = coalesce(known.name, subscribers.name),
    attributes = coalesce(known.attributes, subscribers.attributes), updated_at = :now
FROM known WHERE {_IS_RENEWED}
"""
# Members whom the file confirms or takes off. The status is asked again: on PostgreSQL somebody may
# have left since.
_IS_CHANGED = """subscriptions.list_id = known.list_id
    AND subscriptions.subscriber_id = known.subscriber_id
    AND subscriptions.status <> 'unsubscribed' AND known.standing IN ('pending', 'confirmed')
    AND (known.wanted = 'unsubscribed'
        OR (known.wanted = 'confirmed' AND subscriptions.status = 'pending'
            AND known.standing = 'pending'))"""
# Whom an earlier import took off, or made as somebody who left: its undoing could bring them back.
_IS_SAID_AGAIN = """subscriptions.list_id = known.list_id
    AND subscriptions.subscriber_id = known.subscriber_id
    AND subscriptions.status = 'unsubscribed' AND known.wanted = 'unsubscribed'
    AND EXISTS (SELECT 1 FROM imports AS i WHERE i.at = subscriptions.updated_at
        AND (i.id = subscriptions.import_id OR EXISTS (
            SELECT 1 FROM import_changes AS c WHERE c.import_id = i.id
                AND c.list_id = subscriptions.list_id
                AND c.subscriber_id = subscriptions.subscriber_id)))"""
_SAY_AGAIN = f"UPDATE subscriptions SET updated_at = :now FROM known WHERE {_IS_SAID_AGAIN}"
# In the order in which those who leave hold their rows, or the two could wait for each other.
_HOLD_CHANGING = f"""
SELECT count(*) FROM (
    SELECT 1 FROM subscriptions
    JOIN known ON subscriptions.list_id = known.list_id
        AND subscriptions.subscriber_id = known.subscriber_id
        AND ({_IS_CHANGED} OR {_IS_SAID_AGAIN})
    ORDER BY subscriptions.list_id, subscriptions.subscriber_id
    FOR UPDATE OF subscriptions
) AS held
"""
_STANDING = "status, consent_at, consent_how, consent_source, consent_ip, updated_at"
_KEEP_SUBSCRIPTIONS = f"""
INSERT INTO import_changes (import_id, list_id, subscriber_id, {_STANDING})
SELECT :import, subscriptions.list_id, subscriptions.subscriber_id, {_STANDING}
FROM known JOIN subscriptions ON {_IS_CHANGED}
"""
# The yes of somebody who leaves, where it stands in the subscription alone.
_LOG_EARLIER = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, ip, import_id)
SELECT x.subscriber_id, x.list_id, x.consent_at,
    CASE x.status WHEN 'pending' THEN 'requested' ELSE 'confirmed' END,
    x.consent_how, x.consent_source, x.consent_ip, :import
FROM import_changes AS x
JOIN known ON known.subscriber_id = x.subscriber_id AND known.list_id = x.list_id
WHERE x.import_id = :import AND known.wanted = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM consents AS c WHERE c.subscriber_id = x.subscriber_id
        AND c.list_id = x.list_id AND c.at = x.consent_at)
"""
_LOG_LEAVING = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT known.subscriber_id, known.list_id, :now, 'unsubscribed', :how,
    coalesce(facts.consent_source, :source), :import
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE known.wanted = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM subscriptions AS x WHERE x.list_id = known.list_id
        AND x.subscriber_id = known.subscriber_id AND x.status = 'unsubscribed')
"""
_CONFIRM_PENDING = """
UPDATE subscriptions SET status = 'confirmed', updated_at = :now,
    consent_at = coalesce(facts.consent_at, :now),
    consent_how = coalesce(facts.consent_how, :how),
    consent_source = coalesce(facts.consent_source, :source),
    consent_ip = coalesce(facts.consent_ip, '')
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE subscriptions.list_id = known.list_id
    AND subscriptions.subscriber_id = known.subscriber_id
    AND subscriptions.status = 'pending' AND known.standing = 'pending'
    AND known.wanted = 'confirmed'
"""
_UNSUBSCRIBE = """
UPDATE subscriptions SET status = 'unsubscribed', updated_at = :now
FROM known
WHERE subscriptions.list_id = known.list_id
    AND subscriptions.subscriber_id = known.subscriber_id
    AND subscriptions.status <> 'unsubscribed' AND known.wanted = 'unsubscribed'
"""
_SUBSCRIPTION = f"list_id, subscriber_id, {_STANDING}, import_id"
_OF_ROW = """coalesce(facts.consent_at, :now), coalesce(facts.consent_how, :how),
    coalesce(facts.consent_source, :source), coalesce(facts.consent_ip, ''), :now, :import"""
_SUBSCRIBE_KNOWN = f"""
INSERT INTO subscriptions ({_SUBSCRIPTION})
SELECT known.list_id, known.subscriber_id, known.wanted, {_OF_ROW}
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE known.standing IS NULL AND known.list_id IS NOT NULL AND known.wanted <> ''
ON CONFLICT DO NOTHING
"""
_LAST_PERSON = "SELECT coalesce(max(id), 0) FROM subscribers"
# As newsletter.store.people.people makes them: at random, from 1 to 2 ** 47.
_LINK_KEYS = {
    "sqlite": "(random() & 140737488355327) + 1",
    "postgresql": "(random() * 140737488355327)::bigint + 1",
}
# A person on several lists has several rows: the first makes them.
_INSERT_PEOPLE = """
INSERT INTO subscribers (address, address_key, name, attributes, created_at, updated_at, link_key)
SELECT address, key, name, coalesce(attributes, '{{}}'), :now, :now, {link_key}
FROM staged
WHERE {whose}
ORDER BY {order}
"""
_HAS_FACTS = "EXISTS (SELECT 1 FROM facts WHERE facts.line = staged.line)"
_IS_NOT_KNOWN = "NOT EXISTS (SELECT 1 FROM known WHERE known.line = staged.line)"
_SUBSCRIBE_NEW = f"""
INSERT INTO subscriptions ({_SUBSCRIPTION})
SELECT :list, id, :wanted, :now, :how, :source, '', :now, :import
FROM subscribers WHERE id > :last ORDER BY id
"""
_LOG_NEWLY_LEFT = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT id, :list, :now, 'unsubscribed', :how, :source, :import
FROM subscribers WHERE id > :last ORDER BY id
"""
_NEW_EACH = f"""FROM facts
JOIN staged ON staged.line = facts.line
JOIN subscribers AS s ON s.address_key = staged.key
JOIN aims ON aims.number = staged.list
WHERE staged.standing <> '' AND {_IS_NOT_KNOWN}"""
_SUBSCRIBE_NEW_EACH = f"""
INSERT INTO subscriptions ({_SUBSCRIPTION})
SELECT aims.list_id, s.id, staged.standing, {_OF_ROW}
{_NEW_EACH}
ON CONFLICT DO NOTHING
"""
_LOG_NEWLY_LEFT_EACH = f"""
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, import_id)
SELECT s.id, aims.list_id, coalesce(facts.left_at, :now), 'unsubscribed', :how,
    coalesce(facts.consent_source, :source), :import
{_NEW_EACH} AND staged.standing = 'unsubscribed' AND NOT EXISTS (
    SELECT 1 FROM said WHERE said.line = staged.line AND said.kind = 'unsubscribed')
"""
# What a row brings of the consent log, where it made the person or let them join.
_LOG_SAID = """
INSERT INTO consents (subscriber_id, list_id, at, kind, how, source, wording, ip, detail, import_id)
SELECT s.id, CASE WHEN NOT said.is_personal THEN aims.list_id END, said.at, said.kind, said.how,
    said.source, said.wording, said.ip, said.detail, :import
FROM said
JOIN staged ON staged.line = said.line
JOIN subscribers AS s ON s.address_key = staged.key
LEFT JOIN aims ON aims.number = staged.list
WHERE CASE WHEN said.is_personal THEN s.created_at = :now ELSE EXISTS (
    SELECT 1 FROM subscriptions AS x WHERE x.list_id = aims.list_id
        AND x.subscriber_id = s.id AND x.import_id = :import) END
ORDER BY said.at, said.line
"""
# Only of people who are new.
_PAUSE = """
UPDATE subscribers SET paused_until = pauses.until
FROM pauses JOIN staged ON staged.line = pauses.line
WHERE subscribers.address_key = staged.key AND subscribers.created_at = :now
"""
_FORMER_OF_NEW = """
SELECT s.id, former.address, former.until
FROM former JOIN staged ON staged.line = former.line
JOIN subscribers AS s ON s.address_key = staged.key
WHERE s.created_at = :now ORDER BY former.until, former.line
"""
