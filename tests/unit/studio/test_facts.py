"""What is counted for the page of one send: whose mailboxes refuse it, and its course."""

import datetime as dt

import pytest

from newsletter.model.event import Cause, EventType
from newsletter.store.ledger.course import CoursePart
from newsletter.store.reported.by_mailbox import BadReport
from newsletter.studio.facts import KEEPERS, keeper_of, mailboxes, whole
from newsletter.studio.kept import KeptAnswers

AT = dt.datetime(2026, 1, 7, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("address", "keeper"),
    [
        ("ada@gmail.com", "Gmail"),
        ("ada@yahoo.co.uk", "Yahoo"),
        ("ada@outlook.fr", "Microsoft"),
        ("ada@qq.com", "QQ"),
        ("ada@126.com", "NetEase"),
        ("ada@mygmail.com", "mygmail.com"),
        ("ada@yahoo", "yahoo"),
        ('"a@b"@icloud.com', "Apple"),
        ("", ""),
        ("a hash of nobody", ""),
    ],
)
def test_big_keepers_of_mailboxes_are_known_by_their_domains(address: str, keeper: str) -> None:
    assert keeper_of(address) == keeper


def bad(number: int, address: str, cause: Cause = Cause.HARD) -> BadReport:
    kind = EventType.COMPLAINT if cause is Cause.COMPLAINT else EventType.BOUNCE
    return BadReport(number, kind, cause, address)


def test_a_delivery_counts_once_in_each_column_and_the_worst_come_first() -> None:
    reports = [
        bad(1, "a@qq.com"),
        bad(1, "a@qq.com"),
        bad(1, "a@qq.com", Cause.COMPLAINT),
        bad(2, "b@qq.com", Cause.SOFT),
        bad(3, "c@gmail.com", Cause.LISTED),
        bad(4, "", Cause.HARD),
    ]

    rows = mailboxes(reports, ["a@gmail.com", "b@gmail.com", "c@web.de", "d@qq.com"])

    assert rows[0] == {"keeper": "QQ", "share": 0.25, "hard": 1, "soft": 1, "complained": 1}
    assert rows[1] == {"keeper": "Gmail", "share": 0.5, "hard": 0, "soft": 1, "complained": 0}
    assert rows[2]["keeper"] == ""
    assert [row["keeper"] for row in rows[3:]] == ["WEB.DE"]


def test_small_keepers_are_summed_up() -> None:
    reports = [bad(number, f"a@d{number}.example") for number in range(30)]

    rows = mailboxes(reports, ["a@gmail.com"] * 10)

    assert len(rows) == KEEPERS + 1
    assert rows[-1]["keeper"] == "*"
    assert sum(row["hard"] for row in rows) == 30
    assert sum(row["share"] for row in rows) == 1


def test_without_recipients_there_are_no_shares() -> None:
    assert mailboxes([], []) == []
    assert mailboxes([bad(1, "a@qq.com")], [])[0]["share"] is None


def test_a_pause_is_a_gap_in_the_course() -> None:
    first, last = (
        CoursePart(AT, 2.0, 5, 0, 0),
        CoursePart(AT + dt.timedelta(seconds=6), 2.0, 1, 1, 1),
    )

    assert [part.accepted for part in whole([first, last])] == [5, 0, 0, 1]
    assert whole([]) == []


def test_what_takes_long_to_count_is_kept_for_long() -> None:
    now = [0.0]
    counted: list[float] = []

    def count(seconds: float) -> float:
        counted.append(seconds)
        now[0] += seconds
        return seconds

    kept = KeptAnswers(lambda: now[0])
    for _ in range(3):
        assert kept.answer("a", lambda: count(2.0)) == 2.0
    assert counted == [2.0]
    now[0] += 39
    kept.answer("a", lambda: count(2.0))
    assert counted == [2.0]
    now[0] += 2
    kept.answer("a", lambda: count(0.1))
    now[0] += 9
    kept.answer("a", lambda: count(0.1))
    assert counted == [2.0, 0.1]
    kept.forget()
    kept.answer("a", lambda: count(0.2))
    assert counted == [2.0, 0.1, 0.2]
    with pytest.raises(ZeroDivisionError):
        kept.answer("b", lambda: 1 / 0)
    assert kept.answer("b", lambda: count(0.3)) == 0.3


def test_what_was_counted_across_a_change_is_not_kept() -> None:
    kept = KeptAnswers(lambda: 0.0)

    def count_meanwhile() -> str:
        kept.forget()
        return "before"

    assert kept.answer("a", count_meanwhile) == "before"
    assert kept.answer("a", lambda: "after") == "after"
    assert kept.answer("a", lambda: "later") == "after"
