"""The studio: who may ask, what is shown of an issue, and what is written to its file."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from newsletter.desk.prepare import prepare
from newsletter.desk.preview import sample_message
from newsletter.desk.standing import IssueShelf
from newsletter.model.slug import spellings
from newsletter.project import Project
from newsletter.store import Store, open_store
from newsletter.studio.session import Studio
from tests import logged
from tests.factories import join, make_list
from tests.integration import studio as studios
from tests.integration.commandline import ISSUE, Call
from tests.integration.studio import ORIGIN
from tests.pictures import png
from tests.waiting import PATIENCE_SECONDS, until

OTHER = ISSUE.replace("News of the valley", "Other news")
PATH = "/issues/2026-01-07-valley"


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{project}/subscribers/newsletter.db", project)) as store:
        yield store


@pytest.fixture
def issue(project: Path) -> Path:
    path = project / "issues" / "2026-01-07-valley.md"
    path.write_text(ISSUE)
    return path


@pytest.fixture
def studio(project: Path, issue: Path, store: Store) -> Studio:
    return Studio(Project.open(project), lambda: store, ORIGIN)


class Browser(studios.Browser):
    """A browser at the page of the issue."""

    def shown(self, **wish: Any) -> Any:
        return self.json("POST", f"{PATH}/shown", wish)


@pytest.fixture
def browser(studio: Studio) -> Browser:
    browser = Browser(studio)
    assert browser.ask("GET", studio.start_url).status_code == 303
    return browser


# --- who may ask ----------------------------------------------------------------------------------


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(studio: Studio) -> None:
    response = Browser(studio).ask("GET", f"{ORIGIN}/issues/a%20b?x=1&token={studio.token}")

    assert response.status_code == 303
    assert response.headers["location"] == "/issues/a%20b?x=1"
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"studio-8600={studio.token};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize("path", ["/", "/rows", "/changes", PATH, "/static/studio.css"])
def test_without_the_token_nothing_is_shown(studio: Studio, path: str) -> None:
    for url in (path, f"{path}?token=", f"{path}?token={studio.token[::-1]}"):
        response = Browser(studio).ask("GET", url)

        assert response.status_code == 403
        assert studio.token not in response.text


@pytest.mark.parametrize(
    "base", ["http://evil.example:8600", "http://127.0.0.1:9999", "http://127.0.0.1.evil:8600"]
)
def test_a_name_that_leads_here_is_no_address_of_the_studio(
    studio: Studio, browser: Browser, base: str
) -> None:
    """A name whose address was changed to ours, by a page that wants to read along."""
    headers = {"Cookie": f"studio-8600={studio.token}"}

    response = browser.ask("GET", "/", base=base, headers=headers)

    assert response.status_code == 403


FOREIGN: list[Mapping[str, str]] = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost:8600", "Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: str(headers["Origin"] or "none"))
def test_another_page_changes_nothing(
    browser: Browser, issue: Path, headers: Mapping[str, str]
) -> None:
    version = browser.json("GET", f"{PATH}/source")["version"]
    calls = [
        ("PUT", f"{PATH}/source", {"text": "gone", "version": version}),
        ("POST", f"{PATH}/tests", {"to": ["a@example.com"]}),
        ("POST", f"{PATH}/open", {"line": 1}),
        ("POST", f"{PATH}/pictures?name=a.png", None),
        ("POST", f"{PATH}/shown", {}),
    ]

    for method, path, body in calls:
        assert browser.ask(method, path, headers=dict(headers), json=body).status_code == 403

    assert issue.read_text() == ISSUE
    assert not (issue.parent / "pictures" / "a.png").exists()


def test_another_page_of_this_machine_cannot_show_or_read_it(browser: Browser) -> None:
    headers = {"Origin": "", "Sec-Fetch-Site": "same-site"}

    assert browser.ask("GET", "/", headers=headers).status_code == 403
    own = browser.ask("GET", "/").headers
    assert "frame-ancestors 'none'" in own["content-security-policy"]
    assert own["cross-origin-resource-policy"] == "same-origin"
    assert own["cache-control"] == "no-store"


def test_no_script_of_a_mail_can_run(browser: Browser) -> None:
    policy = browser.ask("GET", f"{PATH}/frame").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-same-origin" in policy
    assert "allow-scripts" not in policy


@pytest.mark.parametrize(
    "stem",
    [
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "..%00",
        "newsletter.toml",
        "2026-01-07-valley.md",
    ],
)
def test_only_issues_of_the_folder_are_read(browser: Browser, stem: str) -> None:
    for path in (f"/issues/{stem}", f"/issues/{stem}/source", f"/issues/{stem}/standing"):
        assert browser.ask("GET", path).status_code == 404


def test_who_opens_an_issue_that_is_gone_reads_why(browser: Browser) -> None:
    response = browser.ask("GET", "/issues/gone", headers={"Sec-Fetch-Dest": "document"})

    assert response.status_code == 404
    assert "no issue &#39;gone&#39; any more" in response.text
    assert 'href="/"' in response.text


def test_a_link_out_of_the_folder_is_not_read(
    browser: Browser, issue: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (issue.parent / "link.md").symlink_to(tmp_path / "secret.md")

    assert browser.ask("GET", "/issues/link/source").status_code == 404


# --- what is shown --------------------------------------------------------------------------------


def test_a_mail_is_shown_as_it_would_leave(browser: Browser, studio: Studio, issue: Path) -> None:
    prepared = prepare(studio.project, str(issue))

    shown = browser.shown(part="source")

    assert shown["text"] == sample_message(prepared, studio.project).html
    assert shown["bytes"] == len(shown["text"].encode())
    assert shown["error"] is None
    assert shown["stage"] == "ready"
    assert shown["subject"] == "News of the valley"


def test_what_is_not_saved_yet_is_shown_and_not_written(browser: Browser, issue: Path) -> None:
    shown = browser.shown(text=OTHER)

    assert shown["subject"] == "Other news"
    assert "Other news" in shown["html"]
    assert issue.read_text() == ISSUE


def test_what_cannot_be_rendered_says_where(browser: Browser) -> None:
    shown = browser.shown(text=f"{ISSUE}\n\x00\n")

    assert shown["error"]["line"] == 11
    assert shown["error"]["hint"]
    assert "html" not in shown


def test_settings_that_cannot_be_used_are_reported_and_the_last_good_ones_stay(
    browser: Browser, studio: Studio, project: Path
) -> None:
    toml = project / "newsletter.toml"
    toml.write_text(toml.read_text().replace("name = ", "nmae = "))

    studio.reload()

    shown = browser.shown()
    assert "nmae" in shown["error"]["message"]
    assert "html" in shown


def test_headers_are_those_of_the_mail(browser: Browser) -> None:
    headers = {name: read for name, _, read in browser.shown(part="headers")["headers"]}

    assert headers["Subject"] == "News of the valley"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("reader", "greeting"),
    [
        ("sample", "Dear Reader of a town"),
        ("nameless", "Dear friend of a town"),
        ("longest", "Dear Maximiliana of Llanfairpwllgwyngyll"),
        ("ada@example.com", "Dear Ada of Rome"),
    ],
)
def test_it_is_shown_as_different_readers_get_it(
    browser: Browser, store: Store, reader: str, greeting: str
) -> None:
    make_list(store, "readers")
    join(store, "ada@example.com", "readers", name="Ada", attributes={"town": "Rome"})
    join(store, "max@example.com", "readers", name="Maximiliana", attributes={"town": "Ulm"})
    far = {"town": "Llanfairpwllgwyngyll"}
    join(store, "b@example.com", "readers", name="Bo", attributes=far)
    text = (
        f'{ISSUE}\nDear {{{{ subscriber.name | default("friend") }}}} '
        'of {{ subscriber.town | default("a town") }}\n'
    )

    assert greeting in browser.shown(text=text, reader=reader)["html"]


def test_nobody_can_be_shown_who_has_not_subscribed(browser: Browser) -> None:
    shown = browser.shown(reader="nobody@example.com")

    assert shown["status"] == 400
    assert "nobody has subscribed" in shown["error"]["message"]


def test_pictures_of_the_issue_come_from_the_studio(
    browser: Browser, issue: Path, project: Path
) -> None:
    (issue.parent / "a.png").write_bytes(png())

    html = browser.shown(text=f"{ISSUE}\n![A loom](a.png)\n")["html"]

    address = html.partition(f'src="{PATH}/media/')[2].partition('"')[0]
    picture = browser.ask("GET", f"{PATH}/media/{address}")
    assert picture.headers["content-type"] == "image/png"
    assert browser.ask("GET", f"{PATH}/media/{'0' * 32}.png").status_code == 404


# --- the list -------------------------------------------------------------------------------------


def test_the_list_knows_what_was_sent_without_rendering(
    browser: Browser, project: Path, store: Store, call: Call
) -> None:
    make_list(store, "readers")
    join(store, "ada@example.com", "readers")
    assert call("send", "2026-01-07-valley", "--list", "readers", "--yes").code == 0
    (project / "issues" / "broken.md").write_bytes(b"\xff\xfe\x00---")

    rows = browser.json("GET", "/rows")["issues"]

    assert rows["2026-01-07-valley"] == {
        "title": "News of the valley",
        "day": "2026-01-07",
        "stage": "sent",
    }
    assert rows["broken"]["stage"] is None
    assert browser.shown()["stage"] == "sent"
    assert browser.json("GET", "/issues/broken/standing")["stage"] == "faulty"


def test_an_issue_that_was_sent_under_an_older_spelling_of_its_slug_was_sent(
    browser: Browser, issue: Path, store: Store, call: Call
) -> None:
    issue.rename(issue.with_name("über.md"))
    make_list(store, "readers")
    join(store, "ada@example.com", "readers")
    assert call("send", "über", "--list", "readers", "--yes").code == 0
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE sends SET slug = ?", (spellings("über")[1],))

    assert browser.json("GET", "/rows")["issues"]["über"]["stage"] == "sent"
    assert browser.json("GET", "/issues/%C3%BCber/standing")["stage"] == "sent"


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        (ISSUE, "ready"),
        (ISSUE.replace("title:", "draft: true\ntitle:"), "draft"),
        (f"{ISSUE}\n![](x.png)\n", "faulty"),
        (f"{ISSUE}\nTODO: the rest\n", "faulty"),
    ],
)
def test_where_an_issue_stands(browser: Browser, issue: Path, text: str, stage: str) -> None:
    issue.write_text(text)

    assert browser.json("GET", f"{PATH}/standing")["stage"] == stage


@pytest.mark.parametrize("name", [b"\xff.md", b"a\rb.md", b"a\nb.md"])
def test_a_file_that_pages_cannot_name_leaves_the_others(
    browser: Browser, issue: Path, name: bytes
) -> None:
    """Its title is that of the one which is shown, so that a finding names it."""
    Path(os.fsdecode(os.fsencode(issue.parent) + b"/" + name)).write_text(ISSUE)

    assert list(browser.json("GET", "/rows")["issues"]) == [issue.stem, "2026-01-06-welcome"]
    assert browser.ask("GET", "/").text.count("<li data-stem=") == 2
    assert browser.shown()["status"] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user here")
def test_a_file_that_may_not_be_read_is_listed_as_it_is_in_the_page(
    browser: Browser, issue: Path
) -> None:
    """A page that lists other files than are told is loaded anew, without end."""
    for folder in issue.parents:
        folder.chmod(folder.stat().st_mode | 0o755)
    issue.chmod(0)
    os.seteuid(65534)
    try:
        entries = list(IssueShelf().entries([issue, issue.with_name("gone.md")]))
    finally:
        os.seteuid(0)

    assert [entry.title for entry in entries] == [issue.stem]


# --- writing --------------------------------------------------------------------------------------


def test_a_text_is_saved_once_and_a_later_one_is_not_overwritten(
    browser: Browser, issue: Path
) -> None:
    source = browser.json("GET", f"{PATH}/source")

    saved = browser.json("PUT", f"{PATH}/source", {"text": OTHER, "version": source["version"]})
    again = browser.json("PUT", f"{PATH}/source", {"text": "Mine", "version": source["version"]})

    assert issue.read_text() == OTHER
    assert saved["status"] == 200
    assert again["status"] == 409
    assert again["theirs"] == {"text": OTHER, "version": saved["version"]}
    assert ["+", "Mine"] in again["difference"]
    assert ["-", "title: Other news"] in again["difference"]


def test_a_pasted_picture_lies_beside_the_issue(browser: Browser, issue: Path) -> None:
    response = browser.ask("POST", f"{PATH}/pictures?name=My%20loom.png", content=png())

    assert response.json() == {"path": "pictures/My-loom.png"}
    assert (issue.parent / "pictures" / "My-loom.png").read_bytes() == png()


def test_what_is_no_picture_is_refused(browser: Browser, issue: Path) -> None:
    response = browser.ask("POST", f"{PATH}/pictures?name=a.png", content=b"<script>")

    assert response.status_code == 400
    assert response.json()["error"]["hint"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"text": 1, "version": ""}', '{"text": "x", "version": "", "y": 1}']
)
def test_what_makes_no_sense_is_refused(browser: Browser, issue: Path, body: str) -> None:
    headers = {"Content-Type": "application/json"}

    response = browser.ask("PUT", f"{PATH}/source", content=body, headers=headers)

    assert response.status_code == 422
    assert response.json()["error"]["message"]
    assert issue.read_text() == ISSUE


# --- tests ----------------------------------------------------------------------------------------


def test_a_test_mail_is_sent_and_its_address_remembered(
    browser: Browser, studio: Studio, project: Path
) -> None:
    answer = browser.json("POST", f"{PATH}/tests", {"to": ["Editor@example.com"]})

    assert [test["status"] for test in answer["tests"]] == ["accepted"]
    [mail] = (project / "outbox" / "test").iterdir()
    assert b"Subject: [Test] News of the valley" in mail.read_bytes()
    assert browser.json("GET", f"{PATH}/standing")["stage"] == "tested"
    kept = project / "subscribers" / "test-addresses.txt"
    assert kept.read_text() == "Editor@example.com\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "Editor@example.com" in browser.ask("GET", PATH).text


def test_a_test_that_left_is_told_though_its_address_cannot_be_remembered(
    browser: Browser, project: Path
) -> None:
    (project / "subscribers" / "test-addresses.txt").mkdir()

    answer = browser.json("POST", f"{PATH}/tests", {"to": ["editor@example.com"]})

    assert [test["status"] for test in answer["tests"]] == ["accepted"]
    assert any("cannot be kept" in note for note in answer["notes"])


def test_an_error_of_our_own_says_nothing_of_its_words(
    studio: Studio, issue: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Store:
        raise RuntimeError("ada@example.com")

    studio.open_store = broken
    browser = Browser(studio)
    browser.ask("GET", studio.start_url)

    answer = browser.json("GET", "/rows")

    assert answer["status"] == 500
    assert "RuntimeError" in answer["error"]["message"]
    assert "ada@example.com" not in str(answer) + "".join(logged.lines(caplog))


def test_an_issue_with_errors_is_not_sent_as_a_test(
    browser: Browser, issue: Path, project: Path
) -> None:
    issue.write_text(f"{ISSUE}\n![](x.png)\n")

    answer = browser.json("POST", f"{PATH}/tests", {"to": ["a@example.com"]})

    assert answer["status"] == 400
    assert answer["error"]["lines"]
    assert not (project / "outbox" / "test").exists()


@pytest.mark.parametrize("to", [["no address"], [], ["a@example.com"] * 21])
def test_a_test_needs_addresses_and_not_too_many(browser: Browser, to: list[str]) -> None:
    answer = browser.json("POST", f"{PATH}/tests", {"to": to})

    assert answer["status"] == 400
    assert "address" in answer["error"]["hint"]


# --- themes ---------------------------------------------------------------------------------------


def test_the_gallery_shows_each_theme_and_what_is_wrong_with_one(
    browser: Browser, project: Path
) -> None:
    own = project / "templates" / "morning"
    own.mkdir(parents=True)
    (own / "theme.toml").write_text('extends = "nothing"\n')

    page = browser.ask("GET", "/themes").text

    for name in ("digest", "letter", "links", "product"):
        assert f'src="/themes/{name}/mail"' in page
    assert 'src="/themes/morning/mail"' not in page
    assert "nothing" in page


def test_a_theme_is_shown_with_its_pictures_and_without_scripts(browser: Browser) -> None:
    shown = browser.ask("GET", "/themes/letter/mail?look=dark")

    assert "sandbox allow-same-origin" in shown.headers["content-security-policy"]
    assert "@media (min-width:0)" in shown.text
    address = shown.text.partition('src="/themes/letter/media/')[2].partition('"')[0]
    picture = browser.ask("GET", f"/themes/letter/media/{address}")
    assert picture.headers["content-type"].startswith("image/")
    assert browser.ask("GET", "/themes/none/mail").status_code == 404


def test_a_frame_says_in_words_what_is_wrong_with_a_theme(browser: Browser, project: Path) -> None:
    own = project / "templates" / "torn"
    own.mkdir(parents=True)
    (own / "theme.toml").write_text('extends = "digest"\n')
    (own / "email.mjml.j2").write_text("{% if %}")

    frame = browser.ask("GET", "/themes/torn/mail", headers={"Sec-Fetch-Dest": "iframe"})

    assert frame.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'self'" in frame.headers["content-security-policy"]
    assert "templates/torn/email.mjml.j2:1" in frame.text
    error = browser.ask("GET", "/themes/torn/mail").json()["error"]
    assert error["message"] in unescape(frame.text)
    assert error["hint"] in unescape(frame.text)


# --- one issue alone ------------------------------------------------------------------------------


def test_a_preview_shows_one_issue_and_no_other(
    project: Path, issue: Path, store: Store, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text(OTHER)
    studio = Studio(Project.open(project), lambda: store, ORIGIN, elsewhere)
    browser = Browser(studio)
    browser.ask("GET", studio.start_url)

    assert browser.ask("GET", "/").headers["location"] == "/issues/elsewhere"
    assert browser.json("POST", "/issues/elsewhere/shown", {})["subject"] == "Other news"
    assert browser.ask("GET", PATH).status_code == 404
    assert 'href="/"' not in browser.ask("GET", "/issues/elsewhere").text


def test_without_a_store_an_issue_is_shown_all_the_same(
    project: Path, issue: Path, store: Store
) -> None:
    store.close()
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as connection:
        connection.execute("DROP TABLE sends")
    studio = Studio(
        Project.open(project),
        lambda: open_store("sqlite:///subscribers/newsletter.db", project),
        ORIGIN,
    )
    browser = Browser(studio)
    browser.ask("GET", studio.start_url)

    shown = browser.shown()

    assert shown["stage"] is None
    assert "html" in shown
    assert browser.json("GET", "/rows")["trouble"]

    studio.open_store = lambda: open_store("mysql://127.0.0.1/letters", project)

    assert "html" in browser.shown()
    assert browser.json("GET", "/rows")["trouble"]
    assert "sqlite:///" in browser.json("GET", "/rows")["trouble"]


def test_nobody_waits_for_a_store_that_does_not_answer(studio: Studio, browser: Browser) -> None:
    """It is asked once, and again when it has answered."""
    asked: list[None] = []
    answers = threading.Event()
    open_at_once = studio.open_store

    def open_late() -> Store:
        asked.append(None)
        assert answers.wait(PATIENCE_SECONDS)
        return open_at_once()

    studio.open_store = open_late
    studio.patience_seconds = 0.01

    assert browser.shown()["stage"] is None
    assert "does not answer" in browser.json("GET", "/rows")["trouble"]
    assert "html" in browser.shown()
    assert len(asked) == 1

    studio.patience_seconds = PATIENCE_SECONDS
    answers.set()

    until(lambda: browser.shown()["stage"] == "ready")
