"""The transitions of a subscription: the only place that writes its status.

Each transition names the statuses that it may start from; docs/architecture.md draws them. Each
function reads the row, and holds it, before it moves it. Whoever makes one holds `locks.people`.
What an import writes at once for all its rows is in SQL below, by the same transitions.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from newsletter.model.subscriber import Consent, ConsentHow, ConsentKind, SubscriptionStatus
from newsletter.store.people import consents, telling
from newsletter.store.people.subscriptions import consent_of
from newsletter.store.people.telling import Member
from newsletter.store.schema import consents as consent_log
from newsletter.store.schema import imports, subscriptions
from newsletter.store.transition import Transition, step

_Step = Transition[SubscriptionStatus]
_KEY = (subscriptions.c.list_id, subscriptions.c.subscriber_id)
_PENDING, _CONFIRMED = SubscriptionStatus.PENDING, SubscriptionStatus.CONFIRMED
_UNSUBSCRIBED = SubscriptionStatus.UNSUBSCRIBED

ASK = step(None, _PENDING, to=_PENDING)
CONFIRM = step(None, _PENDING, to=_CONFIRMED)
RENEW = step(_CONFIRMED, to=_CONFIRMED)
LEAVE = step(_PENDING, _CONFIRMED, to=_UNSUBSCRIBED)
DECLINE = step(None, to=_UNSUBSCRIBED)
REJOIN = step(_UNSUBSCRIBED, to=_CONFIRMED)
ASK_AGAIN = step(_UNSUBSCRIBED, to=_PENDING)
PUT_BACK_CONFIRMED = step(_UNSUBSCRIBED, to=_CONFIRMED)
PUT_BACK_PENDING = step(_CONFIRMED, _UNSUBSCRIBED, to=_PENDING)
FORGET = step(_PENDING, to=None)
DELETE = step(*SubscriptionStatus, to=None)

_FIRST = {_PENDING: ASK, _CONFIRMED: CONFIRM}
_AGAIN = {_PENDING: ASK_AGAIN, _CONFIRMED: REJOIN}
_SAID = {_PENDING: ConsentKind.REQUESTED, _CONFIRMED: ConsentKind.CONFIRMED}


def subscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    status: SubscriptionStatus,
    consent: Consent,
) -> None:
    """Let somebody who has not left be pending or confirmed; raises ValueError for somebody who
    has.

    The consent log gets it too, and before it an earlier yes that only stood here, as those of
    imports do.
    """
    _say_yes(connection, (list_id, subscriber_id), _FIRST[status], consent)


def renew(connection: Connection, subscriber_id: int, list_id: int, consent: Consent) -> None:
    """Record a member's own yes, where until now only something else spoke for them."""
    _say_yes(connection, (list_id, subscriber_id), RENEW, consent)


def rejoin(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    status: SubscriptionStatus,
    consent: Consent,
) -> None:
    """Bring back somebody who left, as confirmed or pending: the caller knows that they want it."""
    _say_yes(connection, (list_id, subscriber_id), _AGAIN[status], consent)


def ask(connection: Connection, subscriber_id: int, list_id: int, consent: Consent) -> None:
    """Record a request for this person to join; one who left stays unsubscribed until they confirm.

    Anybody can ask for anybody: an import may confirm the pending, and must not those who left.
    """
    row = _held(connection, (list_id, subscriber_id))
    if row is None or row.status in ASK.sources:
        _write_yes(connection, row, (list_id, subscriber_id), ASK, consent)
        return
    _keep_earlier(connection, row)
    consents.append(connection, subscriber_id, list_id, ConsentKind.REQUESTED, consent)


def leave(
    connection: Connection,
    subscriber_id: int,
    list_id: int | None,
    consent: Consent,
    detail: str = "",
) -> Sequence[int]:
    """Leave one list, or all; returns the ids of the lists that were left just now.

    The subscription keeps its consent, since it was given; the log gets the no, with the reason if
    any.
    """
    query = sa.select(subscriptions).where(subscriptions.c.subscriber_id == subscriber_id)
    if list_id is not None:
        query = query.where(subscriptions.c.list_id == list_id)
    every = connection.execute(query.order_by(subscriptions.c.list_id).with_for_update()).all()
    _say_again(connection, every, consent.at)
    rows = [row for row in every if row.status in LEAVE.sources]
    for row in rows:
        _keep_earlier(connection, row)
        consents.append(
            connection, subscriber_id, row.list_id, ConsentKind.UNSUBSCRIBED, consent, detail
        )
    list_ids = [row.list_id for row in rows]
    telling.left(
        connection, rows, dict.fromkeys(((each, subscriber_id) for each in list_ids), consent)
    )
    if list_ids:
        connection.execute(
            sa.update(subscriptions)
            .where(
                subscriptions.c.subscriber_id == subscriber_id,
                subscriptions.c.list_id.in_(list_ids),
            )
            .values(status=LEAVE.target, updated_at=consent.at)
        )
    return list_ids


def leave_each(
    connection: Connection, leaving: Mapping[tuple[int, int], Consent]
) -> frozenset[tuple[int, int]]:
    """As `leave`, for many (list, subscriber) at once, each with what they said.

    Returns those that ever joined, whether they left just now or before. A few statements for all
    of them, in the order of the primary key, so that two processes cannot wait for each other.
    """
    table = subscriptions.c
    key = sa.tuple_(table.list_id, table.subscriber_id)
    query = sa.select(subscriptions).where(key.in_(list(leaving)))
    query = query.order_by(table.list_id, table.subscriber_id).with_for_update()
    rows = connection.execute(query).all()
    leavers = [row for row in rows if row.status in LEAVE.sources]
    if rows:
        _say_again(connection, rows, max(consent.at for consent in leaving.values()))
    if leavers:
        logged = consents.logged(connection, [row.subscriber_id for row in leavers])
        lines: list[consents.ConsentLine] = []
        for row in leavers:
            member = (row.list_id, row.subscriber_id)
            if (*member, row.consent_at) not in logged:
                lines.append((*member, *_earlier(row)))
            lines.append((*member, ConsentKind.UNSUBSCRIBED, leaving[member]))
        consents.append_each(connection, lines)
        telling.left(connection, leavers, leaving)
        statement = sa.update(subscriptions).where(
            table.list_id == sa.bindparam("of_list"), table.subscriber_id == sa.bindparam("of")
        )
        connection.execute(
            statement.values(status=LEAVE.target, updated_at=sa.bindparam("at")),
            [
                {"of_list": each, "of": person_id, "at": leaving[each, person_id].at}
                for each, person_id in ((row.list_id, row.subscriber_id) for row in leavers)
            ],
        )
    return frozenset((row.list_id, row.subscriber_id) for row in rows)


def decline(connection: Connection, subscriber_id: int, list_id: int, consent: Consent) -> None:
    """Record that somebody does not want a list that they never joined."""
    consents.append(connection, subscriber_id, list_id, ConsentKind.UNSUBSCRIBED, consent)
    _insert(connection, (list_id, subscriber_id), DECLINE, consent)


def forget(connection: Connection, list_id: int, subscriber_id: int, before: dt.datetime) -> bool:
    """Forget a person for whom a page got requests, the last one before a time, and who never said
    anything; people whom an operator made pending stay."""
    of_list, log = subscriptions.c, consent_log.c
    theirs = (log.list_id == list_id, log.subscriber_id == subscriber_id)
    other = sa.or_(log.kind != ConsentKind.REQUESTED, log.how != ConsentHow.FORM)
    statement = sa.delete(subscriptions).where(
        of_list.list_id == list_id,
        of_list.subscriber_id == subscriber_id,
        FORGET.starts_at(of_list.status),
        of_list.consent_how == ConsentHow.FORM,
        of_list.consent_at < before,
        ~sa.exists().where(*theirs, other),
    )
    return bool(connection.execute(statement).rowcount)


def delete_of(connection: Connection, subscriber_id: int) -> None:
    """Delete a person's subscriptions."""
    connection.execute(
        sa.delete(subscriptions).where(subscriptions.c.subscriber_id == subscriber_id)
    )


def delete_all(connection: Connection, list_id: int) -> None:
    """Delete the subscriptions of a list."""
    connection.execute(sa.delete(subscriptions).where(subscriptions.c.list_id == list_id))


def _is(member: Member) -> sa.ColumnElement[bool]:
    return sa.and_(*(each == of for each, of in zip(_KEY, member, strict=True)))


def _held(connection: Connection, member: Member) -> Row[Any] | None:
    return connection.execute(sa.select(subscriptions).where(_is(member)).with_for_update()).first()


def _say_yes(connection: Connection, member: Member, transition: _Step, consent: Consent) -> None:
    row = _held(connection, member)
    status = None if row is None else SubscriptionStatus(row.status)
    transition.check("subscriber {1} on list {0}".format(*member), status)
    _write_yes(connection, row, member, transition, consent)


def _write_yes(
    connection: Connection,
    row: Row[Any] | None,
    member: Member,
    transition: _Step,
    consent: Consent,
) -> None:
    if row is not None:
        _keep_earlier(connection, row)
    list_id, subscriber_id = member
    assert transition.target is not None
    consents.append(connection, subscriber_id, list_id, _SAID[transition.target], consent)
    if transition.target is _CONFIRMED:
        telling.joined(connection, row, member, consent)
    if row is None:
        _insert(connection, member, transition, consent)
    else:
        values = _standing(transition, consent)
        connection.execute(sa.update(subscriptions).where(_is(member)).values(values))


def _insert(connection: Connection, member: Member, transition: _Step, consent: Consent) -> None:
    key = dict(zip(_KEY, member, strict=True))
    connection.execute(sa.insert(subscriptions).values({**key, **_standing(transition, consent)}))


def _standing(transition: _Step, consent: Consent) -> dict[sa.Column[Any], Any]:
    table = subscriptions.c
    return {
        table.status: transition.target,
        table.consent_at: consent.at,
        table.consent_how: consent.how,
        table.consent_source: consent.source,
        table.consent_ip: consent.ip,
        table.updated_at: consent.at,
    }


def _say_again(connection: Connection, rows: Collection[Row[Any]], at: dt.datetime) -> None:
    """Make the no of an import also that of the people whom it took off: undoing the import does
    not bring them back."""
    key = sa.tuple_(subscriptions.c.list_id, subscriptions.c.subscriber_id)
    already_left = [row for row in rows if row.status not in LEAVE.sources]
    if not already_left:
        return
    members = [(row.list_id, row.subscriber_id) for row in already_left]
    connection.execute(
        sa.update(subscriptions)
        .where(key.in_(members), subscriptions.c.updated_at.in_(sa.select(imports.c.at)))
        .values(updated_at=at)
    )


def _keep_earlier(connection: Connection, row: Row[Any]) -> None:
    """Write the yes of a subscription into the consent log, if it is not there yet."""
    logged = consents.logged(connection, [row.subscriber_id])
    if (row.list_id, row.subscriber_id, row.consent_at) not in logged:
        consents.append(connection, row.subscriber_id, row.list_id, *_earlier(row))


def _earlier(row: Row[Any]) -> tuple[ConsentKind, Consent]:
    """The yes in a subscription's row."""
    kind = _SAID.get(SubscriptionStatus(row.status), ConsentKind.CONFIRMED)
    return kind, consent_of(row)


_SAID = {
    SubscriptionStatus.PENDING: ConsentKind.REQUESTED,
    SubscriptionStatus.CONFIRMED: ConsentKind.CONFIRMED,
}


# --- in bulk: what `merging` and `imports` run ----------------------------------------------------

STANDING = "status, consent_at, consent_how, consent_source, consent_ip, updated_at"
_COLUMNS = f"list_id, subscriber_id, {STANDING}, import_id"
_OF_ROW = """coalesce(facts.consent_at, :now), coalesce(facts.consent_how, :how),
    coalesce(facts.consent_source, :source), coalesce(facts.consent_ip, ''), :now, :import"""
IS_KNOWN = """subscriptions.list_id = known.list_id
    AND subscriptions.subscriber_id = known.subscriber_id"""
# Where a step may start is asked again of the row: on PostgreSQL somebody may have left since.
_IS_CONFIRMED = f"""known.wanted = '{CONFIRM.target}'
    AND {CONFIRM.starts_at_sql("subscriptions.status")}
    AND {CONFIRM.starts_at_sql("known.standing")}"""
_IS_TAKEN_OFF = f"""known.wanted = '{LEAVE.target}'
    AND {LEAVE.starts_at_sql("subscriptions.status")}"""
# Members whom the file confirms or takes off.
IS_CHANGED = f"""{IS_KNOWN} AND (({_IS_CONFIRMED})
    OR ({_IS_TAKEN_OFF} AND {LEAVE.starts_at_sql("known.standing")}))"""
CONFIRM_KNOWN = f"""
UPDATE subscriptions SET status = '{CONFIRM.target}', updated_at = :now,
    consent_at = coalesce(facts.consent_at, :now),
    consent_how = coalesce(facts.consent_how, :how),
    consent_source = coalesce(facts.consent_source, :source),
    consent_ip = coalesce(facts.consent_ip, '')
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE {IS_KNOWN} AND {_IS_CONFIRMED}
"""
TAKE_OFF_KNOWN = f"""
UPDATE subscriptions SET status = '{LEAVE.target}', updated_at = :now
FROM known WHERE {IS_KNOWN} AND {_IS_TAKEN_OFF}
"""
SUBSCRIBE_KNOWN = f"""
INSERT INTO subscriptions ({_COLUMNS})
SELECT known.list_id, known.subscriber_id, known.wanted, {_OF_ROW}
FROM known LEFT JOIN facts ON facts.line = known.line
WHERE known.standing IS NULL AND known.list_id IS NOT NULL AND known.wanted <> ''
ON CONFLICT DO NOTHING
"""
SUBSCRIBE_NEW = f"""
INSERT INTO subscriptions ({_COLUMNS})
SELECT :list, id, :wanted, :now, :how, :source, '', :now, :import
FROM subscribers WHERE id > :last ORDER BY id
"""
SUBSCRIBE_NEW_EACH = f"""
INSERT INTO subscriptions ({_COLUMNS})
SELECT aims.list_id, s.id, staged.standing, {_OF_ROW}
{{new_each}}
ON CONFLICT DO NOTHING
"""
# Rows of an import that nobody has touched since: `x`; `c` is what it replaced.
DELETE_IMPORTED = "DELETE FROM subscriptions AS x WHERE {is_untouched}"
PUT_BACK = f"""
UPDATE subscriptions SET status = c.status, consent_at = c.consent_at,
    consent_how = c.consent_how, consent_source = c.consent_source, consent_ip = c.consent_ip,
    updated_at = c.updated_at
FROM import_changes AS c
WHERE {{is_as_left}} AND (
    (c.status = '{PUT_BACK_CONFIRMED.target}'
        AND {PUT_BACK_CONFIRMED.starts_at_sql("subscriptions.status")})
    OR (c.status = '{PUT_BACK_PENDING.target}'
        AND {PUT_BACK_PENDING.starts_at_sql("subscriptions.status")}))
"""
