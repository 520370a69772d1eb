"""Every example of docs/extending.md does what it says: each is cut out of the page and run."""

import ast
import datetime as dt
import mailbox
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsletter import digest, lint, render, scaffold
from newsletter.desk.prepare import Prepared, prepare
from newsletter.desk.preview import sample_message
from newsletter.errors import TransportDown
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding
from newsletter.model.send import DeliveryStatus, SendStatus
from newsletter.project import Project
from newsletter.sending.plan import plan
from newsletter.sending.run import run
from newsletter.store import Store
from newsletter.transports import Transport
from tests.integration import sending

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
EXAMPLES = {
    match["path"]: match["code"]
    for match in re.finditer(
        r"^`(?P<path>[\w./]+)`:\n\n```\w+\n(?P<code>.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
}
VALUES = {
    re.split(r"\W", name)[0]: match["where"]
    for match in re.finditer(
        r"^\| (?P<names>`.+`) \| (?P<where>all|\w[\w, ]*) \|",
        PAGE[PAGE.index("### What templates may use") : PAGE.index("### Classes")],
        re.M,
    )
    for name in re.findall(r"`([^`]+)`", match["names"])
}
ISSUE = """\
---
title: Plain words
date: 2026-01-07
{front}
---
## On the desk

### [A machine](https://example.com/machine)

It makes no sound.
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "letters"
    scaffold.start(folder, dt.date(2026, 1, 7))
    return Project.open(folder)


def install(root: Path, prefix: str) -> None:
    """Put the examples whose path begins so into a newsletter, where the page says."""
    for path, code in EXAMPLES.items():
        if path.startswith(prefix):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(code, "utf-8")


def prepared(project: Project, front: str = "") -> Prepared:
    path = project.issues / "2026-01-07-plain.md"
    path.write_text(ISSUE.format(front=front), "utf-8")
    return prepare(project, path.stem)


def loaded(path: str) -> types.ModuleType:
    """An example of Python as a module."""
    module = types.ModuleType("example")
    exec(compile(EXAMPLES[path], path, "exec"), module.__dict__)
    return module


# --- themes ---------------------------------------------------------------------------------------


def test_a_theme_toml_with_one_colour_changes_just_that(project: Project) -> None:
    install(project.root, "templates/digest/")

    message = sample_message(prepared(project), project)

    assert "#0a5a3c" in message.html
    assert "You get this letter because you asked for" in message.html
    assert "Unsubscribe" in message.html


def test_a_language_of_ones_own_falls_back_to_english_word_by_word(project: Project) -> None:
    install(project.root, "templates/digest/")

    message = sample_message(prepared(project, "language: sv-FI"), project)

    assert "Avsluta prenumerationen" in message.html
    assert "View in browser" in message.html


def test_other_words_of_a_language_stand_above_its_own(project: Project) -> None:
    install(project.root, "templates/digest/")

    message = sample_message(prepared(project, "language: de-AT"), project)

    assert "Abmelden" in message.html
    assert "Im Browser ansehen" in message.html


def test_a_new_theme_folder_renders_an_issue_without_python(project: Project) -> None:
    install(project.root, "templates/plain/")

    found = prepared(project, "theme: plain")
    message = sample_message(found, project)

    assert found.errors == ()
    assert re.search(
        r'<h1[^>]*style="[^"]*font-size:28px[^"]*"[^>]*>Plain words</h1>', message.html
    )
    assert "font-size:24px!important" in message.html
    assert "It makes no sound." in message.html
    assert f"Leave this list: {project.settings.newsletter.base_url}/u/" in message.text


def test_a_theme_that_extends_another_has_all_that_it_does_not_change(project: Project) -> None:
    install(project.root, "templates/midnight/")

    message = sample_message(prepared(project, "theme: midnight"), project)

    heading = re.search(r"<h1[^>]*>Plain words</h1>", message.html)
    assert heading
    assert "line-height:44px" in heading[0]
    assert "#1d3f8f" in message.html
    assert "font-size:16px" in message.html
    assert "Unsubscribe" in message.text


def test_the_documented_block_is_written_in_its_own_way(project: Project) -> None:
    install(project.root, "templates/digest/blocks/")
    path = project.issues / "2026-01-07-quote.md"
    path.write_text("---\ntitle: T\n---\n> Said.\n>\n> — Ann & co\n", "utf-8")

    message = sample_message(prepare(project, path.stem), project)

    assert re.search(r"</table>\s*<p [^>]*>— Ann &amp; co</p>", message.html)
    assert "<blockquote" not in message.html


def test_the_program_s_own_theme_is_where_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = re.findall(r"^python3 -c '(.+)'$", PAGE, re.MULTILINE)

    exec(command, {})

    assert (Path(capsys.readouterr().out.strip()) / "digest" / "theme.toml").is_file()


def test_the_page_lists_every_value_that_templates_get_and_no_other() -> None:
    source = Path(render.__file__).read_text("utf-8")
    given = {
        key.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }

    assert set(VALUES) == given


@pytest.mark.parametrize(("file", "where"), [("email.mjml.j2", "MJML"), ("email.txt.j2", "text")])
def test_each_listed_value_is_there_in_the_files_that_the_page_names(
    project: Project, file: str, where: str
) -> None:
    """A template refuses a name that does not exist."""
    install(project.root, "templates/plain/")
    names = [name for name, places in VALUES.items() if places == "all" or where in places]
    mention = "".join(f"{{% if {name} %}}{{% endif %}}" for name in names)
    path = project.templates / "plain" / file
    path.write_text(path.read_text("utf-8") + mention, "utf-8")

    found = prepared(project, "theme: plain")

    assert len(names) > 12
    assert found.email.html


# --- a lint rule ----------------------------------------------------------------------------------


def test_the_documented_rule_finds_what_it_says_where_it_is() -> None:
    rule: Callable[[Digest], Iterator[Finding]]
    rule = loaded("newsletter/lint/shape.py").crowded_section
    items = "".join(f"### Item {number}\n\nText.\n\n" for number in range(13))

    (finding,) = rule(parsed(f"# Title\n\n## Section\n\n{items}"))
    none = list(rule(parsed(f"# Title\n\n## Section\n\n{items.replace('### Item 12', '')}")))

    assert finding.rule == lint.rule_id(rule)
    assert finding.position.line == 3
    assert none == []


def parsed(text: str) -> Digest:
    return digest.parse(
        text.encode(), file="x.md", stem="x", base_url="https://example.com", section_labels=()
    ).digest


# --- a transport ----------------------------------------------------------------------------------


def test_the_documented_transport_delivers_through_the_sending_core(
    sqlite_store: Store, tmp_path: Path
) -> None:
    transport: Transport = loaded("newsletter/transports/maildir.py").Maildir(tmp_path / "mail")
    sending.fill_list(sqlite_store, 120)
    send_id = plan(sqlite_store, sending.order(), sending.NOW)

    after = run(sending.worker(sqlite_store, transport), send_id)

    box = mailbox.Maildir(tmp_path / "mail", create=False)
    mailed = {mail["To"] for mail in box}
    assert after.status is SendStatus.FINISHED
    assert len(box) == after.counts.accepted == 120
    assert mailed == sending.addresses(sqlite_store, send_id, DeliveryStatus.ACCEPTED)


def test_the_documented_transport_says_when_provably_nothing_left(tmp_path: Path) -> None:
    nowhere = tmp_path / "no such folder" / "mail"
    transport: Transport = loaded("newsletter/transports/maildir.py").Maildir(nowhere)

    with pytest.raises(TransportDown):
        transport.deliver("send", [])
