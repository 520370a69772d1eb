"""`newsletter doctor` as people and cron call it."""

import json
from pathlib import Path

import pytest

from newsletter.doctor import CheckGroup, CheckVerdict, Outside, diagnoses, examine, store
from newsletter.doctor.base import Check, Examination
from newsletter.project import Project
from newsletter.store import Store, state
from tests.integration.commandline import Call, in_folder, in_process, snapshot
from tests.integration.doctor.stage import Sickroom
from tests.integration.serving import served


def test_a_new_newsletter_has_warnings_and_no_failure(call: Call, project: Path) -> None:
    before = snapshot(project)

    answer = call("doctor", "--json")

    failed = [one for one in answer.json["checks"] if one["verdict"] == "fail"]
    assert (answer.code, answer.json["ok"], failed) == (0, True, [])
    assert sum(answer.json["counts"].values()) == len(answer.json["checks"])
    assert {one["group"] for one in answer.json["checks"]} > {"project", "store", "rules"}
    assert snapshot(project) == before


def test_what_failed_is_shown_with_its_reason_and_its_cure(call: Call, project: Path) -> None:
    (project / "subscribers" / "secret.key").chmod(0o644)

    answer = call("doctor", "--only", "project")

    assert answer.code == 1
    assert "✗ fail  secret-mode: secret.key has mode 0644: others may read it" in answer.out
    assert "Whoever reads the secret can open the pages of every reader." in answer.out
    assert f"→ chmod -R go= {project}/subscribers/secret.key" in answer.out
    assert answer.out.splitlines()[-1].startswith("5 ok, 1 with a warning, 1 failed")


def test_cron_hears_nothing_where_all_is_well(call: Call) -> None:
    answer = call("doctor", "--quiet", "--only", "machine", "--only", "looks")

    assert (answer.code, answer.out) == (0, "")


def test_quiet_shows_what_is_not_well_and_counts_all(call: Call, project: Path) -> None:
    (project / "subscribers" / "newsletter.db").unlink()

    answer = call("doctor", "--quiet", "--only", "store", "--json")

    assert answer.code == 1
    assert [one["check"] for one in answer.json["checks"]] == ["store"]
    assert answer.json["checks"][0]["cure"].startswith("Run `newsletter db upgrade`")
    assert answer.json["counts"]["skipped"] == len(store.CHECKS) - 1


def test_settings_that_cannot_be_read_are_one_line_with_all_faults(
    call: Call, project: Path
) -> None:
    settings = project / "newsletter.toml"
    settings.write_text(settings.read_text() + "\n[web]\nmetrics = 1\nkeep_ip = 2\n")

    answer = call("doctor", "--json")

    [failed] = [one for one in answer.json["checks"] if one["verdict"] == "fail"]
    assert (answer.code, failed["check"]) == (1, "configuration")
    assert "web.metrics" in failed["found"]
    assert "web.keep_ip" in failed["found"]


def test_where_there_is_no_newsletter_nothing_is_examined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = in_folder(in_process(capsys), tmp_path)("doctor", "--json")

    assert (answer.code, answer.error["code"]) == (2, "usage")


def test_nothing_that_is_shown_holds_an_address_or_the_secret(room: Sickroom) -> None:
    shown = json.dumps([str(line) for line in examine(room.folder, (), room.surroundings)])

    for address in ("ada@example.com", "lin@example.com", "sam@example.com"):
        assert address not in shown
    assert room.secret.read_text().strip() not in shown


def test_a_check_that_breaks_is_a_line_of_its_own(room: Sickroom) -> None:
    def broken(exam: Examination) -> list[object]:
        raise ZeroDivisionError

    check = Check("broken", CheckGroup.SITE, broken, "It shows what then.")  # type: ignore[arg-type]
    exam = Examination(Project.open(room.folder), room.surroundings)

    [diagnosis] = diagnoses(check, exam)

    assert diagnosis.verdict is CheckVerdict.FAIL
    assert "could not be looked at: ZeroDivisionError" in diagnosis.found


def test_checks_that_take_too_long_are_told(room: Sickroom) -> None:
    lines = examine(room.folder, [CheckGroup.MACHINE], room.surroundings, seconds=0)

    assert [line.verdict for line in lines] == [CheckVerdict.WARN] * 3
    assert all("within 0 seconds" in line.diagnosis.found for line in lines)


def test_the_pages_of_this_newsletter_are_known_by_their_answers(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very server answers here, with the secret of the newsletter, and then with another."""
    with served(project, "--json") as server:
        monkeypatch.setenv("NEWSLETTER_NEWSLETTER__BASE_URL", server.url)
        here = Outside(is_public=lambda _: True)
        known = _verdicts(project, here)
        monkeypatch.setenv("NEWSLETTER_SECRET", "another secret of the newsletter")
        foreign = _verdicts(project, here)

    assert (known["site"], known["one-click"]) == (CheckVerdict.OK, CheckVerdict.OK)
    assert (foreign["site"], foreign["one-click"]) == (CheckVerdict.OK, CheckVerdict.FAIL)


def _verdicts(folder: Path, outside: Outside) -> dict[str, CheckVerdict]:
    lines = examine(folder, [CheckGroup.SITE], outside)
    return {line.check.id: line.verdict for line in lines}


def test_the_store_is_looked_at_on_both_databases_and_stays_as_it_is(
    call: Call, store_url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_STORE__URL", store_url)

    answer = call("doctor", "--only", "store", "--only", "machine", "--json")

    verdicts = {one["check"]: one["verdict"] for one in answer.json["checks"]}
    is_sqlite = store_url.startswith("sqlite")
    assert (answer.code, verdicts["store"], verdicts["store-write"]) == (0, "ok", "ok")
    assert verdicts["store-integrity"] == "ok"
    assert verdicts["clock"] == ("skipped" if is_sqlite else "ok")
    with store.read() as connection:
        assert state.find(connection, "doctor") is None
