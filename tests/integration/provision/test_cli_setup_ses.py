"""`newsletter setup ses` as people and other programs call it."""

import io
import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from newsletter.project import Project
from tests.integration.commandline import Call, fork, snapshot
from tests.integration.provision.account import NAME, TOPIC, Account
from tests.nameserver import NameServer, nameserver
from tests.sealing import seal
from tests.unit.test_docs import documented_keys
from tests.waiting import until
from tests.warm import Program

SETUP = ("setup", "ses")
needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"]).returncode != 0,
    reason="needs the right to mount in a namespace of its own",
)
MX = "10 feedback-smtp.us-east-1.amazonses.com"


class Keyboard(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


def changes(account: Account) -> list[str]:
    operations = [str(one["operation"]) for one in account.ses.requests]
    return [name for name in operations if not name.startswith("Get")]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with nameserver({}) as server:
        monkeypatch.setenv("NEWSLETTER_DNS__NAMESERVERS", json.dumps([server.address]))
        yield server


def test_it_tells_what_it_did_and_what_the_dns_must_have(
    call: Call, account: Account, names: NameServer
) -> None:
    first = call(*SETUP, "--yes")
    second = call(*SETUP, "--yes")

    assert (first.code, second.code) == (0, 0)
    assert "done: make the topic newsletter-events" in first.out
    assert "done: write newsletter.toml" in first.out
    for shown in ("CNAME", MX, "v=spf1 include:amazonses.com ~all", "v=DMARC1; p=none"):
        assert shown in second.out
    assert '{"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"]' in first.out
    assert "SES verifies example.com by its DKIM records" in first.out
    assert "Everything is there; nothing has to be changed." in second.out
    assert "done:" not in second.out


def test_json_is_one_object_with_the_documented_keys(
    call: Call, account: Account, names: NameServer, tmp_path: Path
) -> None:
    before = len(changes(account))
    planned = call(*SETUP, "--dry-run", "--json").json
    nothing = len(changes(account)) - before
    done = call(*SETUP, "--yes", "--json", "--policies", str(tmp_path / "iam")).json
    again = call(*SETUP, "--json").json

    assert set(planned) == set(done) == documented_keys("setup ses")
    assert nothing == 0
    assert (planned["done"], done["done"], again["done"]) == (False, True, True)
    assert planned["changes"] == done["changes"]
    assert again["changes"] == []
    assert {one["type"] for one in done["records"]} == {"CNAME", "MX", "TXT"}
    assert done["place"] == "AWS account 123456789012, us-east-1"
    assert {Path(file).name for file in done["policy_files"]} == {
        "sender.json",
        "events.json",
        "doctor.json",
        "setup.json",
    }
    assert json.loads((tmp_path / "iam" / "events.json").read_text()) == done["policies"]["events"]


def test_a_dry_run_changes_nothing(call: Call, account: Account, names: NameServer) -> None:
    before, files = len(changes(account)), snapshot(account.folder)

    answer = call(*SETUP, "--dry-run")

    assert answer.code == 0
    assert "- make the identity example.com" in answer.out
    assert "transport.kind: outbox -> ses" in answer.out
    assert len(changes(account)) == before
    assert account.aws.sns.list_topics()["Topics"] == []
    assert snapshot(account.folder) == files


def test_the_settings_keep_their_mode_and_their_place(
    call: Call, account: Account, names: NameServer, tmp_path: Path
) -> None:
    """Where newsletter.toml is a link, what it leads to is written."""
    file, place = account.folder / "newsletter.toml", tmp_path / "elsewhere.toml"
    file.rename(place)
    file.symlink_to(place)
    place.chmod(0o640)

    assert call(*SETUP, "--yes").code == 0

    assert file.is_symlink()
    assert f"{place.stat().st_mode:o}"[-3:] == "640"
    assert 'kind = "ses"' in place.read_text()


@pytest.mark.parametrize("typed", [None, "no\n"])
def test_without_a_yes_nothing_is_changed(
    call: Call, account: Account, monkeypatch: pytest.MonkeyPatch, names: NameServer, typed: str
) -> None:
    if typed:
        monkeypatch.setattr("sys.stdin", Keyboard(typed))
    before = len(changes(account))

    answer = call(*SETUP)

    assert answer.code == 5
    assert "Nothing was changed. Add --yes to do it." in answer.err
    assert len(changes(account)) == before


def test_a_yes_is_for_the_plan_that_was_shown(
    call: Call, account: Account, monkeypatch: pytest.MonkeyPatch, names: NameServer
) -> None:
    """Where something was changed meanwhile, another one is to be seen first."""

    class SlowKeyboard(Keyboard):
        def isatty(self) -> bool:
            account.ses.preset(configuration_sets={NAME: {}})
            return True

    monkeypatch.setattr("sys.stdin", SlowKeyboard("yes\n"))
    refused = call(*SETUP)
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    done = call(*SETUP)

    assert refused.code == 5
    assert "something was changed meanwhile" in refused.err
    assert done.code == 0
    assert "Make these 11 changes in AWS account 123456789012, us-east-1?" in done.err
    assert "done: change the configuration set newsletter" in done.out


def test_a_missing_permission_is_named(call: Call, account: Account, names: NameServer) -> None:
    """What was done before stays, and the settings are as they were."""
    denied = {
        "operation": "CreateConfigurationSet",
        "code": "AccessDeniedException",
        "message": "no",
        "share": 1,
    }
    account.ses.configure(bad_request=denied)
    settings = Project.open(account.folder).settings

    answer = call(*SETUP, "--yes")
    account.ses.clear()
    again = call(*SETUP, "--yes")

    assert answer.code == 2
    assert "CreateConfigurationSet failed: AWS: AccessDenied: no" in answer.err
    assert "Allow ses:CreateConfigurationSet for these credentials." in answer.err
    assert len(answer.err.strip().splitlines()) == 2
    assert Project.open(account.folder).settings != settings
    assert again.code == 0
    assert "done: make the topic" not in again.out


@pytest.mark.parametrize(
    ("variable", "value", "key", "wanted"),
    [
        ("NEWSLETTER_TRANSPORT__KIND", "outbox", "transport.kind", "ses"),
        ("NEWSLETTER_EVENTS", "{}", "events.queue_url", "/newsletter-events"),
    ],
)
def test_the_environment_that_says_otherwise_is_told_before_anything_is_changed(
    call: Call,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    key: str,
    wanted: str,
) -> None:
    """One key, or a whole table as JSON."""
    monkeypatch.delenv("NEWSLETTER_EVENTS__ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.aws.url)
    monkeypatch.setenv(variable, value)
    before = len(changes(account))

    answer = call(*SETUP, "--yes", "--json")

    assert answer.code == 2
    assert answer.error["where"] == f"{key} (from {variable})"
    assert f"{wanted}, or unset it" in answer.error["hint"]
    assert len(changes(account)) == before


@needs_mounts
def test_settings_that_cannot_be_written_are_told_before_anything_is_changed(
    account: Account, names: NameServer
) -> None:
    """A folder that is read-only. What would be done can be seen all the same."""
    before, sealing = len(changes(account)), partial(seal, account.folder)

    seen = fork(account.folder, *SETUP, "--dry-run", first=sealing)
    refused = fork(account.folder, *SETUP, "--yes", "--json", first=sealing)

    assert (seen.code, refused.code) == (0, 1)
    assert "- write newsletter.toml" in seen.out
    assert refused.error["message"] == (
        "cannot be written: Read-only file system; nothing was changed"
    )
    assert refused.error["where"] == str(account.folder / "newsletter.toml")
    assert len(changes(account)) == before
    assert account.aws.sns.list_topics()["Topics"] == []


@needs_mounts
def test_settings_that_need_no_change_may_be_out_of_reach(
    call: Call, account: Account, names: NameServer
) -> None:
    call(*SETUP, "--yes")
    account.ses.as_configured()

    answer = fork(account.folder, *SETUP, "--yes", first=partial(seal, account.folder))

    assert answer.code == 0
    assert "done: make the identity example.com" in answer.out


def test_settings_of_the_environment_that_say_the_same_are_no_hindrance(
    call: Call, account: Account, monkeypatch: pytest.MonkeyPatch, names: NameServer
) -> None:
    for name, value in account.ses.settings.items():
        monkeypatch.setenv(name, value)

    assert call(*SETUP, "--yes").code == 0

    text = (account.folder / "newsletter.toml").read_text()
    assert 'kind = "outbox"' in text
    assert f'topic_arns = ["{TOPIC}"]' in text


def test_a_layout_that_cannot_be_changed_safely_is_left_to_a_person(
    call: Call, account: Account, names: NameServer
) -> None:
    file = account.folder / "newsletter.toml"
    text = file.read_text().partition("\n[transport]")[0]
    text = f'transport = {{ kind = "outbox" }}\n{text}'
    file.write_text(text)

    answer = call(*SETUP, "--yes")

    assert answer.code == 0
    assert "left alone: newsletter.toml: its layout does not let it be changed safely" in answer.out
    assert f'  topic_arns = ["{TOPIC}"]' in answer.out
    assert "done: make the identity example.com" in answer.out
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
def test_a_run_that_was_stopped_is_completed_by_the_next(
    call: Call, account: Account, names: NameServer, number: int, code: int
) -> None:
    """While SES acts, before it answers: the newsletter still sends as before."""
    account.ses.configure(hang_after={"operation": "CreateEmailIdentity", "next": 1})
    before, operation = Project.open(account.folder).settings, "CreateEmailIdentity"
    process = Program(account.folder, *SETUP, "--yes")
    until(lambda: account.ses.requests[-1]["operation"] == operation)

    process.send_signal(number)
    assert process.code == code
    account.ses.clear()
    settings = Project.open(account.folder).settings
    again = call(*SETUP, "--yes")

    assert settings == before
    assert again.code == 0
    assert "done: make the identity" not in again.out
    assert "done: use bounce.example.com as the MAIL FROM domain" in again.out
    assert Project.open(account.folder).settings.transport.kind == "ses"


def test_a_lost_answer_is_no_failure(call: Call, account: Account, names: NameServer) -> None:
    """The call is repeated; what it made is there by then."""
    account.ses.configure(drop_after={"operation": "CreateConfigurationSet", "next": 1})

    assert call(*SETUP, "--yes").code == 0


def test_it_waits_for_the_records(call: Call, account: Account, names: NameServer) -> None:
    """Wrong ones are shown with what stands there, and those of others are no hindrance."""
    call(*SETUP, "--yes")
    records = call(*SETUP, "--json").json["records"]
    names.records = {
        ("bounce.example.com", "MX"): ["10 mail.example.com."],
        ("bounce.example.com", "TXT"): ['"v=spf1 ip4:192.0.2.1 -all"', '"other=1"'],
    }

    def publish() -> None:
        mx, last = ("bounce.example.com", "MX"), ("_dmarc.example.com", "TXT")
        until(lambda: mx in names.asked[asked:] and names.asked[-1] == last)
        for record in records:
            value = f'"{record["value"]}"' if record["type"] == "TXT" else f"{record['value']}."
            names.records[record["name"], record["type"]] = [value]
        texts = ['"v=spf1 ip4:192.0.2.1 include:amazonses.com -all"', '"other=1"']
        names.records["bounce.example.com", "TXT"] = texts

    asked = len(names.asked)
    thread = threading.Thread(target=publish)
    thread.start()
    answer = call(*SETUP, "--check-dns", "--json")
    thread.join()

    assert answer.code == 0
    assert "wrong   MX    bounce.example.com: 10 mail.example.com" in answer.err
    assert "wrong   TXT   bounce.example.com: v=spf1 ip4:192.0.2.1 -all" in answer.err
    assert "missing CNAME" in answer.err
    assert "there   MX    bounce.example.com" in answer.err
    assert {record["state"] for record in answer.json["records"]} == {"there"}
    spf = [one["value"] for one in answer.json["records"] if "spf1" in one["value"]]
    assert spf == ["v=spf1 ip4:192.0.2.1 include:amazonses.com -all"]


@pytest.mark.parametrize(("seconds", "looks"), [("0", 1), ("1", 2)])
def test_waiting_ends_with_what_is_missing_still(
    call: Call, account: Account, names: NameServer, seconds: str, looks: int
) -> None:
    """The last look is at the end of the time."""
    call(*SETUP, "--yes")
    names.records["bounce.example.com", "MX"] = [f"{MX}."]
    before = names.asked.count(("bounce.example.com", "MX"))

    answer = call(*SETUP, "--check-dns", "--wait", seconds, "--json")

    first, *missing = answer.error["message"].splitlines()
    assert answer.code == 4
    assert first == "the DNS lacks 5 of 6 records"
    assert [line.split()[:2] for line in missing] == [
        *[["missing", "CNAME"]] * 3,
        *[["missing", "TXT"]] * 2,
    ]
    assert "newsletter setup ses --check-dns" in answer.error["hint"]
    assert names.asked.count(("bounce.example.com", "MX")) >= before + looks


def test_waiting_can_be_stopped(account: Account, names: NameServer) -> None:
    process = Program(account.folder, *SETUP, "--dry-run", "--check-dns")
    until(lambda: ("bounce.example.com", "MX") in names.asked)

    process.send_signal(signal.SIGINT)

    assert process.code == 130


def test_no_policy_is_proposed_where_one_holds(
    call: Call, account: Account, names: NameServer
) -> None:
    names.records["_dmarc.example.com", "TXT"] = ['"v=DMARC1; p=reject"']

    planned = call(*SETUP, "--dry-run", "--json").json

    assert not any("dmarc" in record["name"] for record in planned["records"])


def test_what_only_a_person_can_do_is_told(
    call: Call, account: Account, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.ses.account(sandbox=True)
    monkeypatch.setenv("NEWSLETTER_TRANSPORT__SES__TENANT", "brand")

    [sandbox, _, tenant] = call(*SETUP, "--dry-run", "--json").json["next_steps"]

    assert "https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html" in sandbox
    assert "associate example.com and the configuration set newsletter with it" in tenant


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--domain", "example.org"], "which does not lie in example.org"),
        (["--domain", "not a domain"], "is no domain"),
        (["--mail-from", "example.com"], "mail is sent from example.com itself"),
        (["--mail-from", "bounce.example.org"], "does not lie below example.com"),
        (["--name", "Big Name"], "cannot be the beginning of names"),
    ],
)
def test_what_cannot_be_is_refused(
    call: Call, account: Account, arguments: list[str], message: str
) -> None:
    answer = call(*SETUP, "--yes", *arguments)

    assert answer.code == 2
    assert message in answer.err


def test_templates_ask_nobody_and_overwrite_nothing(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    arguments = (*SETUP, "--terraform", "new", "--cloudformation", "i/s.json")

    first, second = call(*arguments), call(*arguments, "--json")
    (project / "new" / "newsletter-ses.tf").write_text("# mine")
    refused = call(*arguments)

    assert (first.code, second.code, refused.code) == (0, 0, 2)
    assert second.json == {"files": ["new/newsletter-ses.tf", "i/s.json"]}
    assert "another file of this name" in refused.err
    assert (project / "new" / "newsletter-ses.tf").read_text() == "# mine"
    assert json.loads((project / "i" / "s.json").read_text())["Resources"]
