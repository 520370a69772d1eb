"""`newsletter test`: what the reader would get, to any address, and the receipt that it leaves."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import WebSettings
from newsletter.desk.prepare import prepare
from newsletter.errors import Interrupted, TransportDown
from newsletter.links import Links, PersonalLink, Purpose, load_keys
from newsletter.model.address import Address
from newsletter.model.email import Message
from newsletter.model.send import Accepted, Outcome, Rejected
from newsletter.notices import testing
from newsletter.project import Project
from newsletter.store import open_store
from newsletter.store.ledger import receipts
from newsletter.transports.memory import Memory
from tests.integration.commandline import Call, write_issue
from tests.integration.sending import worker
from tests.mailbox import Mail, opened

ISSUE = "2026-01-07-valley"
HELLO = """\
---
title: Hello {{ subscriber.name }}
date: 2026-01-08
coverImage: https://example.com/cover.png
summary: Looms came to the valley
list: readers
---
Dear {{ subscriber.name | default("reader") }}, looms that count threads came to
[the valley](https://example.com/looms) this week. The weavers of
{{ subscriber.city | default("everywhere") }} who watched them for an afternoon say that they are
slower than people say, but that they never tire, which is what the owners had asked for.
"""
Rows = Callable[[], list[str]]


def mails(project: Path, folder: str = "test") -> list[Mail]:
    """The mails of one folder of the outbox, by the names of their files."""
    return [opened(path.read_bytes()) for path in sorted((project / "outbox" / folder).iterdir())]


def ledger(rows: Rows) -> list[str]:
    """All that the store holds but the receipts of tests."""
    return [row for row in rows() if '"receipts"' not in row]


def without_links(text: str) -> str:
    return re.sub(r"https://news\.example\.com/(u|preferences)/[\w.-]+", r"<\1>", text)


# --- to whom --------------------------------------------------------------------------------------


def test_each_address_gets_a_mail_of_its_own_named_by_the_content(
    call: Call, project: Path
) -> None:
    answer = call("test", ISSUE, "--to", "ed@example.org", "kim@example.org", "--json")

    found = answer.json
    names = [path.name for path in sorted((project / "outbox" / "test").iterdir())]
    assert answer.code == 0
    assert (found["slug"], [row["status"] for row in found["tests"]]) == (ISSUE, ["accepted"] * 2)
    assert [row["address"] for row in found["tests"]] == ["ed@example.org", "kim@example.org"]
    assert names == [f"{found['content_hash'][:12]}-{n}.eml" for n in (1, 2)]
    assert [str(mail.headers["To"]) for mail in mails(project)] == [
        "ed@example.org",
        "kim@example.org",
    ]
    assert {mail.subject for mail in mails(project)} == {"[Test] News of the valley"}


def test_the_option_may_be_repeated(call: Call) -> None:
    answer = call("test", ISSUE, "--to", "ed@example.org", "--to", "kim@example.org", "--json")

    assert len(answer.json["tests"]) == 2


def test_a_further_test_overwrites_no_earlier_one(call: Call, project: Path) -> None:
    for _ in range(2):
        call("test", ISSUE, "--to", "ed@example.org", "kim@example.org")

    names = sorted(path.stem for path in (project / "outbox" / "test").iterdir())
    assert [name.rpartition("-")[2] for name in names] == ["1", "2", "3", "4"]


def test_people_read_what_became_of_each(call: Call) -> None:
    assert call("test", ISSUE, "--to", "ed@example.org").out == "accepted  ed@example.org\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "to which address?"),
        (["--to", "nobody"], "there is no @"),
        (["--to", "ed@example.org", "kim@@example.org"], "only one address"),
        (["--to", "ed@example.org\nBcc: all@example.org"], ""),
        (["--to", "Ed <ed@example.org>"], "only the bare address"),
        (["--to", "ed@example.org", "--as", "nobody@example.org"], "nobody has subscribed"),
        (["--to", "ed@example.org", "--as", "nobody"], "there is no @"),
    ],
)
def test_an_address_that_is_none_is_a_usage_error_and_nobody_is_mailed(
    call: Call, project: Path, rows: Rows, arguments: list[str], message: str
) -> None:
    before = rows()

    answer = call("test", ISSUE, *arguments, "--json")

    assert answer.code == 2
    assert message in answer.error["message"]
    assert not (project / "outbox").exists()
    assert rows() == before


def test_without_a_list_a_field_is_told_for_which_nobody_at_all_has_a_value(
    call: Call, project: Path
) -> None:
    (project / "one.csv").write_text("email,city\nann@example.com,Ghent\n")
    write_issue(project, "2026-01-08-hello.md", HELLO.replace("list: readers\n", ""))

    before = call("test", "2026-01-08-hello", "--to", "ed@example.org")
    call("subscribers", "import", "one.csv", "--list", "some")
    after = call("test", "2026-01-08-hello", "--to", "ed@example.org")

    assert (before.code, after.code) == (0, 0)
    assert "nobody has an attribute 'city'" in " ".join(before.err.split())
    assert "attribute 'city'" not in " ".join(after.err.split())


def test_an_issue_with_errors_is_not_tested(call: Call, project: Path, rows: Rows) -> None:
    write_issue(project, "2026-01-08-draft.md", draft="true")
    before = rows()

    answer = call("test", "2026-01-08-draft", "--to", "ed@example.org")

    assert answer.code == 3
    assert "the issue is marked as a draft" in answer.err
    assert not (project / "outbox").exists()
    assert rows() == before


# --- as whom --------------------------------------------------------------------------------------


@pytest.fixture
def hello(project: Path, readers: str) -> str:
    """An issue that greets its readers, one of whom is Ada of London."""
    write_issue(project, "2026-01-08-hello.md", HELLO)
    return "2026-01-08-hello"


@pytest.mark.parametrize(
    ("arguments", "name", "city"),
    [
        (["--to", "ed@example.org"], "Reader", "everywhere"),
        (["--to", "ada@example.com"], "Ada", "London"),
        (["--to", "ed@example.org", "--as", "lin@example.com"], "Lin", "Shanghai"),
        (["--to", "ada@example.com", "--as", "lin@example.com"], "Lin", "Shanghai"),
    ],
)
def test_a_test_speaks_as_to_the_reader_that_is_named_else_as_to_its_addressee(
    call: Call, project: Path, hello: str, arguments: list[str], name: str, city: str
) -> None:
    assert call("test", hello, *arguments).code == 0

    [mail] = mails(project)
    assert mail.subject == f"[Test] Hello {name}"
    assert f"Dear {name}" in mail.text
    assert f"weavers of {city}" in " ".join(mail.text.split())
    assert str(mail.headers["To"]) == arguments[1]


def test_a_test_is_the_mail_of_the_send_but_for_subject_links_and_names(
    call: Call, project: Path, hello: str
) -> None:
    call("test", hello, "--to", "ada@example.com")
    send_id = call("send", hello, "--yes", "--json").json["send_id"]

    [tested] = mails(project)
    [sent] = [mail for mail in mails(project, send_id) if mail.headers["To"] == "ada@example.com"]
    own = {"Subject", "Date", "Message-ID", "List-Unsubscribe", "X-Newsletter-Ref", "Content-Type"}
    assert tested.subject == f"[Test] {sent.subject}"
    assert tested.headers.keys() == sent.headers.keys()
    assert {k: v for k, v in tested.headers.items() if k not in own} == {
        k: v for k, v in sent.headers.items() if k not in own
    }
    assert without_links(tested.html) == without_links(sent.html)
    assert without_links(tested.text) == without_links(sent.text)
    assert without_links(str(tested.headers["List-Unsubscribe"])) == "<<u>>"


def test_the_links_of_a_test_are_signed_and_are_nobodys(
    call: Call, project: Path, hello: str
) -> None:
    """Who tries the unsubscribe link of a test takes no reader off the list."""
    call("test", hello, "--to", "ada@example.com", "--as", "lin@example.com")

    [mail] = mails(project)
    links = Links("https://news.example.com", load_keys(project))
    tokens = set(
        re.findall(r"https://news\.example\.com/u/([\w.-]+)", mail.text + mail.html)
        + re.findall(r"/u/([\w.-]+)>", str(mail.headers["List-Unsubscribe"]))
    )
    assert tokens
    read = {links.read_personal(Purpose.UNSUBSCRIBE, token) for token in tokens}
    assert read == {PersonalLink(0, 0)}


def test_a_test_leaves_no_trace_in_the_ledger(
    call: Call, rows: Rows, hello: str, project: Path
) -> None:
    before = ledger(rows)

    call("test", hello, "--to", "ada@example.com")

    assert ledger(rows) == before
    assert call("send", hello, "--yes", "--json").json["accepted"] == 3


def test_who_is_suppressed_gets_a_test_that_is_asked_for(call: Call, hello: str) -> None:
    """An address of one's own may be on that list; who typed it means it."""
    call("suppressions", "add", "ada@example.com")

    assert call("test", hello, "--to", "ada@example.com").code == 0


# --- receipts -------------------------------------------------------------------------------------


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch, readers: str) -> str:
    """A list that gets only what was tested."""
    monkeypatch.setenv("NEWSLETTER_POLICY__REQUIRE_TEST", "true")
    return readers


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_must_be_tested_is_not_sent_before(
    call: Call, project: Path, rows: Rows, required: str, dry: list[str]
) -> None:
    before = rows()

    answer = call("send", ISSUE, "--list", required, "--yes", *dry, "--json")

    assert answer.code == 5
    assert "require_test" in answer.error["message"]
    assert f"newsletter test {ISSUE} --to" in answer.error["hint"]
    assert rows() == before
    assert not (project / "outbox").exists()


def test_what_was_tested_is_sent(call: Call, required: str) -> None:
    tested = call("test", ISSUE, "--to", "ed@example.org", "--json").json

    sent = call("send", ISSUE, "--list", required, "--yes", "--json")

    assert (sent.code, sent.json["accepted"]) == (0, 3)
    assert sent.json["content_hash"] == tested["content_hash"]


def test_an_edit_after_the_test_needs_another(call: Call, project: Path, required: str) -> None:
    call("test", ISSUE, "--to", "ed@example.org")
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace("never", "seldom"))

    refused = call("send", ISSUE, "--list", required, "--yes")
    call("test", ISSUE, "--to", "ed@example.org")
    sent = call("send", ISSUE, "--list", required, "--yes")

    assert (refused.code, sent.code) == (5, 0)


def test_taking_an_edit_back_makes_the_receipt_good_again(
    call: Call, project: Path, required: str
) -> None:
    """It is about these bytes, and not about a time."""
    call("test", ISSUE, "--to", "ed@example.org")
    path = project / "issues" / f"{ISSUE}.md"
    before = path.read_text()
    path.write_text(before.replace("never", "seldom"))
    path.write_text(before)

    assert call("send", ISSUE, "--list", required, "--yes").code == 0


def test_another_theme_or_sender_needs_another_test(
    call: Call, project: Path, required: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("test", ISSUE, "--to", "ed@example.org")

    monkeypatch.setenv("NEWSLETTER_NEWSLETTER__FROM", "Other <other@example.com>")
    assert call("send", ISSUE, "--list", required, "--yes").code == 5
    monkeypatch.delenv("NEWSLETTER_NEWSLETTER__FROM")
    (project / "templates" / "digest").mkdir(parents=True)
    (project / "templates/digest/theme.toml").write_text('[strings.en]\nunsubscribe = "Go"\n')
    assert call("send", ISSUE, "--list", required, "--yes").code == 5


def test_a_test_that_reached_nobody_is_no_receipt(call: Call, project: Path, required: str) -> None:
    (project / "outbox").write_text("in the way")

    failed = call("test", ISSUE, "--to", "ed@example.org")
    (project / "outbox").unlink()

    assert failed.code == 1
    assert call("send", ISSUE, "--list", required, "--yes").code == 5


# --- a transport that fails in between ------------------------------------------------------------


def trials(
    project: Path,
    deliver: Callable[[Message], Outcome],
    *to: str,
    stop: threading.Event | None = None,
) -> list[testing.Trial]:
    """Test the issue through a transport that answers so; returns the trials."""
    opened_project = Project.open(project)
    store = open_store(opened_project.settings.store.url, project)
    email = prepare(opened_project, ISSUE).email
    memory = Memory(lambda send_id, batch: [deliver(message) for message in batch])
    try:
        return list(
            testing.send_tests(
                replace(worker(store, memory), stop=stop or threading.Event()),
                email,
                ISSUE,
                [Address(text) for text in to],
                reader=None,
                list_name="",
                web=WebSettings(),
                by="ed@desk",
            )
        )
    finally:
        store.close()


def reached(project: Path) -> int:
    """How many mails of the issue have a receipt."""
    opened_project = Project.open(project)
    store = open_store(opened_project.settings.store.url, project)
    with store.read() as connection:
        count = receipts.mails(connection, prepare(opened_project, ISSUE).email.content_hash)
    store.close()
    return count


def test_who_was_reached_before_the_transport_failed_has_a_receipt(project: Path) -> None:
    def deliver(message: Message) -> Outcome:
        if message.to.text == "kim@example.org":
            raise TransportDown("the line is cut")
        return Accepted("1")

    with pytest.raises(TransportDown):
        trials(project, deliver, "ed@example.org", "kim@example.org", "bo@example.org")

    assert reached(project) == 1


def test_one_that_is_interrupted_mails_nobody_more(project: Path) -> None:
    stop = threading.Event()

    def deliver(message: Message) -> Outcome:
        stop.set()
        return Accepted("1")

    with pytest.raises(Interrupted):
        trials(project, deliver, "ed@example.org", "kim@example.org", stop=stop)

    assert reached(project) == 1


def test_one_that_is_refused_costs_the_others_nothing_and_frees_its_number(project: Path) -> None:
    names = []

    def deliver(message: Message) -> Outcome:
        names.append(message.name.rpartition("-")[2])
        return Rejected("no") if message.to.text == "ed@example.org" else Accepted("1")

    first = trials(project, deliver, "ed@example.org", "kim@example.org")
    trials(project, deliver, "bo@example.org")

    assert [type(trial.outcome) for trial in first] == [Rejected, Accepted]
    assert names == ["1", "1", "2"]
    assert reached(project) == 2
