"""A report as lines, as a page and as tables."""

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from newsletter.model.send import Counts, Reports, SendStatus
from newsletter.operations.records.reports import report as report_record
from newsletter.operations.reporting import csv_of
from newsletter.reports import lines, page
from newsletter.reports.figures import Provider, Reason
from newsletter.reports.tables import ReportTable, figures, tables
from tests.reports import a_report, a_send, nothing

COPIED = ("Looms that", "2026-01-07-valley to", "finished", "half of", "When mails", "from 2026")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("strokes", [lines.BLOCKS, lines.ASCII])
def test_lines_keep_to_the_width_and_to_the_letters_of_the_terminal(
    width: int, strokes: lines.Strokes
) -> None:
    """Sentences are broken by the terminal, so that what is in them can be copied."""
    for line in lines.lines(a_report(), width, strokes):
        if not line.text.strip().startswith(COPIED):
            assert cell_len(line.text) <= width
        assert strokes is lines.BLOCKS or line.text.isascii()


def test_a_terminal_without_blocks_gets_ascii() -> None:
    assert lines.strokes_for("utf-8") is lines.BLOCKS
    assert [lines.strokes_for(name) for name in ("ascii", "cp1252", "?")] == [lines.ASCII] * 3


def test_bars_are_as_long_as_their_share() -> None:
    drawn = [line.text for line in lines.lines(a_report(), 80)]

    assert next(line for line in drawn if line.startswith("accepted    39")).endswith("█▉")
    assert next(line for line in drawn if line.startswith("unknown ")).endswith("▏")


def test_a_send_of_which_nothing_is_known_is_shown_too() -> None:
    text = "\n".join(line.text for line in lines.lines(nothing(), 80))

    assert "scheduled, at 2026-01-07 08:30 Europe/Berlin" in text
    assert "Reported" not in text
    assert "Whom it goes to is decided when it begins." in page.page(nothing())
    assert page.mail(nothing()).count("<h2") == 1


def test_where_nothing_is_reported_nothing_is_said_of_it() -> None:
    """0 % delivered would be wrong: nobody knows."""
    unreported = replace(a_report().compared[0], delivered=0, bounced=0, complained=0)
    report = a_report(
        send=a_send(reports=Reports()), delayed=0, hard=0, soft=0, compared=(unreported,) * 2
    )
    text = "\n".join(line.text for line in lines.lines(report, 100)).partition("What came back")[0]

    assert "delivered" not in text.partition("While it went out")[0]
    assert "no report yet  39,931" in text
    for html in (page.page(report), page.mail(report)):
        assert not re.search(r"(Delivered|delivered)</span>\s*<strong>", html)
        assert ">–</td>" in html


def test_a_reason_for_a_pause_names_nobody() -> None:
    send = a_send(
        status=SendStatus.PAUSED, pause_reason="refused: ada@example.com", reports=Reports()
    )

    for text in (page.page(a_report(send=send)), page.mail(a_report(send=send))):
        assert "refused: a…@e…" in text
        assert "for 12 min so far" in text


def test_a_page_asks_nobody_for_anything_and_runs_nothing() -> None:
    for html in (page.page(a_report()), page.mail(a_report())):
        assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=", html)
    assert "default-src 'none'" in page.page(a_report())


def test_what_others_wrote_is_text_on_a_page() -> None:
    evil = "<script>alert(1)</script>"
    report = a_report(
        newsletter=evil,
        send=a_send(subject=evil, slug=evil, list=evil),
        rejected=(Reason(evil, 1),),
        providers=(Provider(evil, 30, 30, 1, 1, 1, 1, 1, 0),),
        notes=(evil,),
    )

    assert "<script" not in page.page(report) + page.mail(report)


def test_bars_stay_within_the_page_whatever_the_figures_are() -> None:
    """While a send runs, its figures are counted at different moments."""
    report = a_report(
        send=a_send(counts=Counts(accepted=1, queued=5), reports=Reports(9, 9, 9)), delayed=9
    )

    widths = re.findall(r"inline-size:([\d.]+)%", page.page(report))
    assert widths
    assert all(float(width) <= 100 for width in widths)
    assert report.unreported == 0


def test_the_parts_of_all_recipients_add_up() -> None:
    by_name = {figure.name: figure.number for figure in figures(a_report())}
    ours = ("rejected", "skipped", "unknown", "queued")
    reported = ("delivered", "delayed", "bounced", "complained", "unreported")

    assert sum(by_name[name] for name in (*ours, *reported)) == by_name["recipients"]


def test_json_has_each_table_as_objects() -> None:
    record = report_record(a_report())

    assert list(record["tables"]) == [table.name for table in tables(a_report())]
    assert record["tables"]["providers"][0]["provider"] == "Gmail"
    assert record["tables"]["sending"][0]["at"] == "2026-01-07T07:30:00+00:00"
    assert (record["accepted"], record["hard"], record["final"]) == (39_931, 508, True)
    assert not any(report_record(nothing())["tables"]["providers"])


def test_no_spreadsheet_runs_a_cell() -> None:
    table = ReportTable("x", ("reason", "recipients"), (("=1+1", 2), ("a,\x1b[1m\n", -1)))

    assert csv_of(table) == b'reason,recipients\n\'=1+1,2\n"a,\\x1b[1m\\n",-1\n'
