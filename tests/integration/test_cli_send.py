"""`newsletter send`: what it refuses, what it plans, what it writes, and what it says of it."""

import datetime as dt
import email
import email.policy
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.links import Links, Purpose, load_keys
from tests.integration.commandline import Call, plan_send, snapshot, write_issue

ISSUE = "2026-01-07-valley"
KEYS = (
    *("send_id", "status", "recipients", "accepted", "rejected", "skipped", "unknown", "queued"),
)
Rows = Callable[[], list[str]]


def mails(project: Path) -> list[email.message.EmailMessage]:
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted((project / "outbox").rglob("*.eml"))
    ]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "where"),
    [
        ([], 2, ""),
        (["--list", "nobody"], 2, "--list"),
        (["--list", "readers", "--segment", "city"], 2, "--segment"),
        (["--list", "readers", "--again", " "], 2, ""),
        (["--list", "readers", "--rate", "0"], 2, ""),
        (["--list", "readers", "--at", "soon"], 2, "--at"),
        (["--list", "readers", "--at", "2020-01-01 08:00"], 2, "--at"),
        (["--list", "empty"], 5, ""),
    ],
)
def test_what_cannot_be_sent_is_refused_and_nothing_is_written(
    call: Call,
    project: Path,
    rows: Rows,
    readers: str,
    arguments: list[str],
    code: int,
    where: str,
) -> None:
    call("lists", "create", "empty")
    files, before = snapshot(project), rows()

    answer = call("send", ISSUE, *arguments, "--yes", "--json")

    assert answer.code == code
    assert answer.error["where"] == where
    assert answer.error["message"]
    assert answer.error["hint"]
    assert (snapshot(project), rows()) == (files, before)


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("NEWSLETTER_TRANSPORT__KIND", "ses", 2),
        ("NEWSLETTER_SECRET", "too short", 2),
    ],
)
def test_a_send_that_cannot_begin_is_not_planned(
    call: Call,
    rows: Rows,
    readers: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    code: int,
) -> None:
    """A planned one would have the next attempt refused as already being sent."""
    before = rows()
    monkeypatch.setenv(variable, value)

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert answer.code == code
    assert rows() == before


def test_a_missing_secret_is_told_and_nothing_is_planned(
    call: Call, project: Path, rows: Rows, readers: str
) -> None:
    before = rows()
    (project / "subscribers" / "secret.key").unlink()

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert (answer.code, answer.error["code"]) == (2, "configuration")
    assert rows() == before


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (f"send {ISSUE} --list readrs --yes", 2, "Did you mean 'readers'?"),
        (f"send {ISSUE[:-1]} --list readers --yes", 2, f"Did you mean {ISSUE!r}?"),
        (f"send {ISSUE} --list * --yes", 2, "there is no list '*'"),
        (f"send {ISSUE} --list readers --segment nobody --yes", 2, "there is no segment"),
        (f"send {ISSUE} --list readers", 5, "--yes"),
        (f"test {ISSUE} --to *@example.com", 2, "*@example.com is a pattern"),
        (f"test {ISSUE} --to user1@example.com,user2@example.com", 2, "only one address"),
    ],
)
def test_a_slip_of_the_fingers_mails_nobody(
    call: Call, rows: Rows, project: Path, readers: str, line: str, code: int, says: str
) -> None:
    assert readers == "readers"
    before = rows()

    answer = call(*line.split())

    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert rows() == before
    assert list((project / "outbox").glob("*/*")) == []


def test_without_a_terminal_somebody_must_have_said_yes(
    call: Call, rows: Rows, readers: str
) -> None:
    before = rows()

    answer = call("send", ISSUE, "--list", readers, "--json")

    assert answer.code == 5
    assert "--yes" in answer.error["hint"]
    assert rows() == before


def test_an_issue_with_errors_is_not_sent(call: Call, project: Path, readers: str) -> None:
    write_issue(project, "2026-01-08-draft.md", draft="true", date="tomorrow")

    answer = call("send", "2026-01-08-draft", "--list", readers, "--yes")

    assert answer.code == 3
    assert "issues/2026-01-08-draft.md:1: error: the issue is marked as a draft" in answer.err
    assert call("sends", "--json").out == ""


def test_the_same_issue_is_sent_to_a_list_once(call: Call, project: Path, readers: str) -> None:
    first = call("send", ISSUE, "--list", readers, "--yes", "--json")
    files = snapshot(project)

    again = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert first.code == 0
    assert again.code == 5
    assert first.json["send_id"] in again.error["message"]
    assert "--again" in again.error["hint"]
    assert snapshot(project) == files


def test_again_needs_a_reason_and_keeps_it(call: Call, project: Path, readers: str) -> None:
    first = call("send", ISSUE, "--list", readers, "--yes", "--json").json

    second = call(
        "send", ISSUE, "--list", readers, "--yes", "--again", "broken links", "--json"
    ).json

    assert second["send_id"] != first["send_id"]
    assert (second["accepted"], second["again"]) == (3, "broken links")
    assert len(mails(project)) == 6


def test_an_unfinished_send_is_refused_with_the_command_to_go_on(
    call: Call, project: Path, readers: str
) -> None:
    first = plan_send(project, ISSUE, readers)

    again = call("send", ISSUE, "--list", readers, "--yes", "--json")

    assert again.code == 5
    assert f"newsletter resume {first}" in again.error["hint"]


# --- what it says ---------------------------------------------------------------------------------


def test_a_send_prints_one_object_with_its_balance(call: Call, readers: str) -> None:
    call("suppressions", "add", "ada@example.com")
    call("subscribers", "add", "late@example.com", "--list", readers, "--pending")

    answer = call("send", ISSUE, "--list", readers, "--yes", "--json")

    found = answer.json
    assert answer.code == 0
    assert list(found)[: len(KEYS)] == list(KEYS)
    assert (
        found
        | {
            "status": "finished",
            "recipients": 3,
            "accepted": 2,
            "rejected": 0,
            "skipped": 1,
            "unknown": 0,
            "queued": 0,
        }
        == found
    )


def test_a_dry_run_counts_and_writes_nothing(
    call: Call, project: Path, rows: Rows, readers: str
) -> None:
    call("suppressions", "add", "ada@example.com")
    files, before = snapshot(project), rows()

    answer = call("send", ISSUE, "--list", readers, "--dry-run", "--json")

    assert answer.code == 0
    assert answer.json["send_id"] is None
    assert (answer.json["recipients"], answer.json["skipped"], answer.json["queued"]) == (3, 1, 2)
    assert set(KEYS) <= set(answer.json)
    assert (snapshot(project), rows()) == (files, before)


def test_a_dry_run_refuses_what_the_send_would(call: Call, readers: str) -> None:
    call("send", ISSUE, "--list", readers, "--yes")
    call("lists", "create", "empty")

    for arguments in (["--list", readers], ["--list", "empty"]):
        assert call("send", ISSUE, *arguments, "--dry-run").code == 5


def test_people_are_told_count_list_subject_and_sender(call: Call, readers: str) -> None:
    answer = call("send", ISSUE, "--list", readers, "--dry-run")

    told = dict(
        re.split(r"\s{2,}", line.strip()) for line in answer.err.splitlines() if "  " in line
    )
    assert told == {
        "subject": "News of the valley",
        "from": "Newsletter <news@example.com>",
        "list": "readers",
        "recipients": "3",
    }


def test_people_are_told_how_the_list_has_changed_since_the_last_send_to_it(
    call: Call, project: Path, readers: str
) -> None:
    def told() -> str:
        shown = call("send", "2026-01-08-next", "--list", readers, "--dry-run").err
        [line] = [line for line in shown.splitlines() if line.startswith("recipients")]
        return line.removeprefix("recipients").strip()

    write_issue(project, "2026-01-08-next.md")
    before = told()
    call("send", ISSUE, "--list", readers, "--yes")
    unchanged = told()
    call("subscribers", "remove", "ada@example.com")
    for name in ("bo", "kim"):
        call("subscribers", "add", f"{name}@example.com", "--list", readers)
    call("subscribers", "add", "new@example.com", "--list", readers, "--pending")

    assert (before, unchanged, told()) == ("3", "3 (+0 −0)", "4 (+2 −1)")


@pytest.mark.parametrize("command", ["send", "test"])
def test_a_field_for_which_nobody_of_the_list_has_a_value_is_told(
    call: Call, project: Path, readers: str, command: str
) -> None:
    """`town` is an attribute of others, `first_name` of one reader, `no-such` of nobody."""
    (project / "more.csv").write_text("email,first name\nann@example.com,Ann\n")
    (project / "others.csv").write_text("email,town,first name\nbo@example.com,Ghent,Bo\n")
    call("subscribers", "import", "more.csv", "--list", readers)
    call("subscribers", "import", "others.csv", "--list", "others")
    path = write_issue(project, "2026-01-08-towns.md", list=readers)
    with path.open("a") as file:
        file.write('\n{{ subscriber.first_name | default("Hi") }} of ')
        file.write('{{ subscriber.town | default("x") }}, {{ subscriber.twon | default("x") }}\n')
    arguments = ["--yes", "--dry-run"] if command == "send" else ["--to", "ed@example.org"]

    answer = call(command, "2026-01-08-towns", *arguments)

    said = " ".join(answer.err.split())
    assert answer.code == 0
    assert "{{ subscriber.town }}" in said
    assert "nobody of readers has an attribute 'town'" in said
    assert "nobody of readers has an attribute 'twon'. Did you mean 'town'?" in said
    assert "first_name" not in said


def test_front_matter_may_name_the_list(call: Call, project: Path, readers: str) -> None:
    write_issue(project, "2026-01-08-named.md", list=readers)

    assert call("send", "2026-01-08-named", "--yes", "--json").json["list"] == readers


def test_the_list_that_is_asked_for_wins_over_front_matter(
    call: Call, project: Path, readers: str
) -> None:
    write_issue(project, "2026-01-08-named.md", list="other")

    assert call("send", "2026-01-08-named", "--list", readers, "--yes").code == 0


def test_an_unknown_list_of_front_matter_is_told_with_its_line(
    call: Call, project: Path, readers: str
) -> None:
    write_issue(project, "2026-01-08-named.md", category="Craft", list="raeders")

    answer = call("send", "2026-01-08-named", "--yes", "--json")

    assert answer.code == 2
    assert answer.error["where"] == "issues/2026-01-08-named.md:3"


@pytest.mark.parametrize("named", ["issues/2026-01-07-valley.md", "2026-01-07-valley"])
def test_an_issue_is_a_path_or_a_stem(call: Call, readers: str, named: str) -> None:
    assert call("send", named, "--list", readers, "--yes", "--json").json["slug"] == ISSUE


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "utc"),
    [
        ("2099-03-01 08:00", "2099-03-01T00:00:00+00:00"),
        ("2099-03-01T08:00", "2099-03-01T00:00:00+00:00"),
        ("2099-03-01T08:00Z", "2099-03-01T08:00:00+00:00"),
        ("2099-03-01T08:00+02:00", "2099-03-01T06:00:00+00:00"),
        ("2099-03-01 08:00 +02:00", "2099-03-01T06:00:00+00:00"),
        ("2099-03-01 08:00 UTC", "2099-03-01T08:00:00+00:00"),
        ("2099-03-01 08:00 CET", "2099-03-01T07:00:00+00:00"),
        ("2099-03-01 08:00 America/New_York", "2099-03-01T13:00:00+00:00"),
    ],
)
def test_a_time_is_of_the_newsletters_zone_unless_it_names_one(at: str, utc: str) -> None:
    from newsletter.times import parse_time

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    assert parse_time(at, "Asia/Shanghai", now).isoformat() == utc


@pytest.mark.parametrize(
    "at",
    [
        "",
        "tomorrow",
        "08:00",
        "2099-02-30 08:00",
        "2099-03-01 08:00 Mars/Olympus",
        "2099-03-01 08:00 Asia",
        "2099-03-01 08:00 Asia/",
        "2099-03-01 08:00 x/../../etc/passwd",
        "9999-12-31 23:59 America/New_York",
        "0001-01-01 00:00 Asia/Shanghai",
        "2001-01-01 08:00",
    ],
)
def test_what_is_no_time_to_come_is_a_usage_error(call: Call, readers: str, at: str) -> None:
    answer = call("send", ISSUE, "--list", readers, "--at", at, "--yes", "--json")

    assert (answer.code, answer.error["where"]) == (2, "--at")


# --- which bytes ----------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "user.name=N", "-c", "user.email=n@example.com", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("needs git")
    return done.stdout.strip()


@pytest.fixture
def head(project: Path) -> str:
    """The commit of a checkout that the newsletter is."""
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "All issues")
    return git(project, "rev-parse", "HEAD")


def committed(call: Call, issue: str = ISSUE) -> str | None:
    sent = call("send", issue, "--list", "readers", "--yes", "--json")
    assert sent.code == 0
    status: str | None = call("status", sent.json["send_id"], "--json").json["git_commit"]
    assert status == sent.json["git_commit"]
    return status


def test_a_send_keeps_the_commit_of_its_issue(call: Call, readers: str, head: str) -> None:
    assert committed(call) == head


def test_the_ledger_and_the_secret_are_in_no_commit(project: Path, head: str) -> None:
    assert git(project, "ls-files", "subscribers") == "subscribers/example.csv"


@pytest.mark.parametrize("ignored", [False, True])
def test_an_issue_that_git_does_not_have_is_marked(
    call: Call, project: Path, readers: str, head: str, ignored: bool
) -> None:
    if ignored:
        (project / ".gitignore").write_text("issues/2026-01-08*\n")
    write_issue(project, "2026-01-08-new.md")

    assert committed(call, "2026-01-08-new") == f"{head}-modified"


def test_an_issue_that_was_changed_since_is_marked(
    call: Call, project: Path, readers: str, head: str
) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text() + "\nOne more line.\n")

    assert committed(call) == f"{head}-modified"


def test_changes_of_other_files_do_not_matter(
    call: Call, project: Path, readers: str, head: str
) -> None:
    write_issue(project, "2026-01-08-new.md")

    assert committed(call) == head


def test_a_link_to_an_issue_is_the_issue(
    call: Call, project: Path, readers: str, head: str, tmp_path: Path
) -> None:
    path = project / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text() + "\nOne more line.\n")
    (tmp_path / "other.md").symlink_to(path)

    assert committed(call, str(tmp_path / "other.md")) == f"{head}-modified"


def test_the_repository_of_a_git_hook_is_not_mistaken_for_that_of_the_issue(
    call: Call, readers: str, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))

    assert committed(call) == head


def test_without_a_checkout_there_is_no_commit(call: Call, readers: str) -> None:
    assert committed(call) is None


def test_an_edit_after_planning_changes_nothing_that_is_sent(
    call: Call, project: Path, readers: str
) -> None:
    send_id = plan_send(project, ISSUE, readers)
    write_issue(project, f"{ISSUE}.md", "---\ntitle: Another\n---\nAnother text.\n")

    call("resume", send_id)

    assert {mail["Subject"] for mail in mails(project)} == {"News of the valley"}


# --- the mails ------------------------------------------------------------------------------------

MANY = 300


@pytest.fixture
def sent(call: Call, project: Path) -> list[email.message.EmailMessage]:
    """The mails of a send to many people, some of whom said more of themselves than others."""
    people = "".join(
        f"reader{n}@example.com,{'读者' if n % 2 else 'Reader'} {n},{'Paris' if n % 3 else ''}\n"
        for n in range(MANY)
    )
    (project / "many.csv").write_text(f"email,name,city\n{people}", "utf-8")
    call("subscribers", "import", "many.csv", "--list", "many")
    path = write_issue(project, "2026-01-08-many.md", subject='"For {{ subscriber.name }}"')
    with path.open("a") as file:
        file.write('\nHow is {{ subscriber.city | default("your town") }}?\n')

    answer = call("send", "2026-01-08-many", "--list", "many", "--yes", "--json")

    assert answer.code == 0
    assert (answer.json["recipients"], answer.json["accepted"]) == (MANY, MANY)
    return mails(project)


def test_every_mail_of_a_send_is_valid_and_somebodys(
    sent: list[email.message.EmailMessage], call: Call, project: Path
) -> None:
    links = Links("https://news.example.com", load_keys(project))
    ledger = {
        found["address"]: found
        for found in call("deliveries", call("status", "--json").json["send_id"], "--json").lines
    }

    assert {mail["To"] for mail in sent} == set(ledger)
    assert len({mail["Message-ID"] for mail in sent}) == MANY
    for mail in sent:
        delivery = ledger[mail["To"]]
        unsubscribe = re.fullmatch(
            r"<https://news\.example\.com/u/([\w.-]+)>", mail["List-Unsubscribe"]
        )
        assert not list(mail.defects)
        for part in mail.walk():
            assert not part.defects
        for name in ("From", "To", "Subject", "Date", "Message-ID"):
            assert len(mail.get_all(name, [])) == 1
            assert not mail[name].defects
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in mail.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", mail["Message-ID"])
        assert mail["List-Id"] == "<many.news.example.com>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["X-Newsletter-Ref"] == f"{delivery['delivery']}.1"
        assert unsubscribe
        token = links.read_personal(Purpose.UNSUBSCRIBE, unsubscribe[1])
        assert token is not None
        assert token.subscriber_id == delivery["subscriber_id"]
        assert f"{token.send_id}-{token.number}" == delivery["delivery"]
        assert delivery["status"] == "accepted"


def test_mails_speak_to_their_reader(sent: list[email.message.EmailMessage]) -> None:
    for mail in sent:
        number = int(re.sub(r"\D", "", mail["To"]))
        town = "Paris" if number % 3 else "your town"
        text, html = (part.get_content() for part in mail.iter_parts())
        assert mail["Subject"] == f"For {'读者' if number % 2 else 'Reader'} {number}"
        assert f"How is {town}?" in text
        assert f"How is {town}?" in html
        assert "{{" not in text + html
