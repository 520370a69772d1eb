"""Whether anything was lost or came twice: the store against what was seen from outside.

Each send is judged by the rules of `make crash`. Beside them: who left stays gone, and each report
of SES is in the store once.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.crash import checker
from tests.crash.checker import Known, Taken
from tests.soak.load import Planned, Work
from tests.soak.readers import Click
from tests.soak.stage import Stage

_LEFTOVERS = (".newsletter-part", ".tmp", "~")
_KNOWN_FILES = {
    *("newsletter.db", "newsletter.db-wal", "newsletter.db-shm", "secret.key", "example.csv"),
    *("generation", ".gitignore"),
}


def faults(stage: Stage, work: Work, clicks: Sequence[Click], killed: int) -> list[str]:
    """All that is wrong, once everything has come to rest and no process runs. So many workers were
    `killed` so short a time ago that they may not be forgotten yet."""
    return [
        *work.faults,
        *_of_sends(stage, work, clicks),
        *_of_clicks(stage, clicks),
        *_of_reports(stage, work),
        *_of_single_mails(work),
        *_of_queues(stage, killed),
        *_of_leftovers(stage),
    ]


def _of_sends(stage: Stage, work: Work, clicks: Sequence[Click]) -> Iterator[str]:
    """Nobody lost, nobody mailed twice, nobody mailed who had left before the send was ordered."""
    by_send: dict[str, list[Taken]] = defaultdict(list)
    for mail in work.mails:
        by_send[mail.taken.delivery.rpartition("-")[0]].append(mail.taken)
    lists = {str(id): str(name) for id, name in stage.select(_LISTS)}
    slugs = {str(slug): str(id) for slug, id in stage.select("SELECT slug, id FROM sends")}
    left = _left_at(clicks, lists)
    suppressed = {str(row[0]) for row in stage.select("SELECT address FROM suppressions")}
    ordered = {planned.slug for planned in work.planned}
    if unasked := sorted(set(slugs) - ordered):
        yield f"{len(unasked)} sends were never ordered ({unasked[0]})"
    for planned in work.planned:
        if planned.slug not in slugs:
            yield f"{planned.slug} was ordered and is not there"
            continue
        send_id = slugs[planned.slug]
        ledger, taken = checker.read_ledger(stage.url, send_id), by_send.pop(send_id, [])
        may_be_skipped = frozenset(
            row.number
            for row in ledger.rows
            if row.address in suppressed or (row.address, planned.list_name) in left
        )
        known = Known(put_back=True, reported=True, skipped=may_be_skipped)
        found = checker.faults_of_the_end(ledger, taken, known)
        yield from (f"{planned.slug}: {fault}" for fault in found)
        yield from _of_departures(planned, taken, left)
    if by_send:
        yield f"mails of sends that nobody knows: {sorted(by_send)}"


_LISTS = "SELECT sends.id, lists.name FROM sends JOIN lists ON lists.id = sends.list_id"


def _left_at(
    clicks: Sequence[Click], lists: dict[str, str]
) -> dict[tuple[str, str], tuple[float, bool]]:
    """When somebody had left a list for certain, and whether they were told so."""
    left: dict[tuple[str, str], tuple[float, bool]] = {}
    for click in clicks:
        send_id = click.mail.taken.delivery.rpartition("-")[0]
        key = (click.mail.taken.address, lists.get(send_id, ""))
        before = left.get(key, (float("inf"), False))
        if click.status == 200:
            left[key] = (min(before[0], click.ended), True)
        else:
            left.setdefault(key, before)
    return left


def _of_departures(
    planned: Planned, taken: Sequence[Taken], left: dict[tuple[str, str], tuple[float, bool]]
) -> Iterator[str]:
    never = (float("inf"), False)
    late = [
        mail.delivery
        for mail in taken
        if left.get((mail.address, planned.list_name), never)[0] < planned.before
    ]
    if late:
        yield f"{planned.slug}: {len(late)} had left before it was ordered ({late[0]})"


def _of_clicks(stage: Stage, clicks: Sequence[Click]) -> Iterator[str]:
    """What was answered by 200 is in the store."""
    rows = stage.select(
        "SELECT s.address, l.name FROM subscriptions x JOIN subscribers s "
        "ON s.id = x.subscriber_id JOIN lists l ON l.id = x.list_id "
        "WHERE x.status = 'unsubscribed'"
    )
    gone = {(str(address), str(name)) for address, name in rows}
    lists = {str(id): str(name) for id, name in stage.select(_LISTS)}
    left = _left_at(clicks, lists)
    kept = [key for key, (_, was_told) in left.items() if was_told and key not in gone]
    if kept:
        yield f"{len(kept)} were told that they have left, and have not"
    if more := gone - left.keys():
        yield f"{len(more)} have left who did not ask"
    wrong = Counter(click.status for click in clicks if click.status not in (200, 503))
    if wrong:
        yield f"clicks were answered by {dict(wrong)}"


def _of_reports(stage: Stage, work: Work) -> Iterator[str]:
    """Each report is in the store once, however often it came, and has its consequence."""
    reported = {(event["mail"]["messageId"], event["eventType"]) for event in work.published}
    rows = stage.select("SELECT message_id, type, count(*) FROM events GROUP BY 1, 2")
    stored = {(str(message), str(kind)): int(times) for message, kind, times in rows}
    if lost := reported - stored.keys():
        yield f"{len(lost)} of {len(reported):,} reports are not in the store ({min(lost)})"
    if strange := stored.keys() - reported:
        yield f"{len(strange)} reports in the store never came ({min(strange)})"
    if twice := [key for key, times in stored.items() if times > 1]:
        yield f"{len(twice)} reports are in the store twice ({min(twice)})"
    wanted = {
        event["mail"]["destination"][0]
        for event in work.published
        if event["eventType"] == "Complaint"
        or event.get("bounce", {}).get("bounceType") == "Permanent"
    }
    suppressed = {str(row[0]) for row in stage.select("SELECT address FROM suppressions")}
    if missing := wanted - suppressed:
        yield f"{len(missing)} bounced or complained and are not suppressed"
    [(aside,)] = stage.select("SELECT count(*) FROM events WHERE verdict = 'set_aside'")
    if aside:
        yield f"{aside} reports were set aside"


def _of_single_mails(work: Work) -> Iterator[str]:
    """Who asked to join is mailed once."""
    twice = [who for who, times in Counter(work.single).items() if times > 1]
    if twice:
        yield f"{len(twice)} were asked to confirm twice"


def _of_queues(stage: Stage, killed: int) -> Iterator[str]:
    """Nothing waits any more, nor is it kept for ever that something waited."""
    if left := stage.queue.stats()["left"]:
        yield f"{left} messages are left in the queue"
    [(waiting,)] = stage.select("SELECT count(*) FROM requests WHERE state = 'waiting'")
    if waiting:
        yield f"{waiting} mails of the pages still wait"
    for table in ("tenures", "workers"):
        [(rows,)] = stage.select(f"SELECT count(*) FROM {table}")
        if rows > killed:
            yield f"{rows} rows are left in {table}"
    if stage.server is not None:
        [(jobs,)] = stage.select("SELECT count(*) FROM procrastinate_jobs")
        if jobs > _JOBS:
            yield f"{jobs} jobs are left"


_JOBS = 16  # those of the next moments


def _of_leftovers(stage: Stage) -> Iterator[str]:
    """Files that something left half done, or that nobody deletes."""
    for folder in (stage.project, stage.temporary):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name.endswith(_LEFTOVERS):
                yield f"{path.relative_to(stage.folder)} was left"
    if stage.temporary.is_dir() and (left := os.listdir(stage.temporary)):
        yield f"temporary files were left: {left[:5]}"
    state = stage.project / "subscribers"
    strange = sorted(set(os.listdir(state)) - _KNOWN_FILES) if state.is_dir() else []
    if strange:
        yield f"files in the folder of the store that nobody knows: {strange[:5]}"
