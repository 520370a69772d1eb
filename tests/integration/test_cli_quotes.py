"""Every part of a mail has the same quotes and dashes, straight ones where that is wanted; a title
stays as it is written."""

import email
from email.policy import default
from pathlib import Path

import lxml.html
import pytest

from tests.integration.commandline import Call

SOURCE = """\
---
title: It's the "first"
date: 2026-01-08
summary:
  - It's -- so to speak -- "one"
---
It's "two" -- `it's`, {{ subscriber.name | default("it's") }}.
"""


def parts(call: Call, project: Path, source: str = SOURCE) -> tuple[str, str, str, str]:
    """The subject, the preheader, and the text of either part."""
    (project / "issues" / "2026-01-08-a.md").write_text(source, "utf-8")
    assert call("render", "2026-01-08-a", "--out", "out").code == 0
    [path] = (project / "out").rglob("email.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=default)
    html = mail.get_body(("html",))
    text = mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    document = lxml.html.fromstring(html.get_content())
    [preheader] = document.xpath("//meta[@name='description']/@content")
    return mail["subject"], preheader, document.text_content(), text.get_content()


def test_every_part_of_a_mail_has_the_same_quotes(call: Call, project: Path) -> None:
    subject, preheader, html, text = parts(call, project)

    assert subject == 'It\'s the "first"'
    assert preheader == "It’s – so to speak – “one”"
    for part in (html, text):
        assert 'It\'s the "first"' in part
        assert "It’s – so to speak – “one”" in part
        assert "It’s “two” – it's, Reader." in part


@pytest.mark.parametrize("by", ["settings", "front matter"])
def test_they_stay_straight_where_that_is_wanted(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    source = SOURCE
    if by == "settings":
        monkeypatch.setenv("NEWSLETTER_DIGEST__SMART", "false")
    else:
        source = source.replace("date:", "smart: false\ndate:")

    subject, preheader, html, text = parts(call, project, source)

    assert subject == 'It\'s the "first"'
    assert preheader == 'It\'s -- so to speak -- "one"'
    for part in (html, text):
        assert "It's \"two\" -- it's, Reader." in part
