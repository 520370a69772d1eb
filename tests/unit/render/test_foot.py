"""The foot of a mail: why it came, what to do about it, and nothing that leads nowhere."""

from dataclasses import replace

import pytest

from newsletter.languages import words
from newsletter.languages.words import available
from newsletter.model.email import Email
from newsletter.model.send import Foot
from newsletter.render import render
from newsletter.sending.compose import SendContext, compose, for_send
from newsletter.transports import mime
from tests.mailbox import Mail, opened
from tests.unit.digest.reading import BASE
from tests.unit.render.rendering import (
    CONTEXT,
    MASTHEAD,
    NOW,
    READER,
    default_theme,
    issue,
    shown,
    visible,
)

FULL = Foot("The <Valley> Letter", True, "2026-01-06-before", "Before & “after”")
PREVIOUS = f"{BASE}/archive/2026-01-06-before/"


def email(language: str = "en", reply_to: str = "hi@example.com") -> Email:
    masthead = replace(MASTHEAD, reply_to=reply_to)
    return render(issue(language=language), default_theme(), masthead)


def mail(
    foot: Foot = FULL, language: str = "en", context: SendContext = CONTEXT, **more: str
) -> Mail:
    context = replace(context, foot=foot)
    message = compose(for_send(email(language, **more), context), READER, context, 1, 1)
    return opened(mime.compose(message, NOW))


def lines(text: str) -> list[str]:
    return text[text.index("━") :].splitlines()[1:]


def hrefs(html: str) -> list[str]:
    return [link.get("href") for link in visible(html).iter("a")]


def test_the_whole_foot_in_its_order() -> None:
    kinds = [line.split(" http")[0] for line in lines(mail().text)]

    assert kinds == [
        "You get this mail because you joined The <Valley> Letter.",
        "Was this forwarded to you? Subscribe:",
        "Just reply to this mail: every answer is read.",
        "Previous issue: Before & “after”:",
        "Unsubscribe:",
        "Preferences:",
        "View in browser:",
        "Valley Post · 1 Mill Lane, Valley",
    ]


def test_the_html_says_the_same_in_the_same_order() -> None:
    text = shown(visible(mail().html))

    places = [
        text.index(word)
        for word in (
            "joined The <Valley> Letter",
            "forwarded to you?",
            "Just reply",
            "Before & “after”",
            "Unsubscribe",
            "Preferences",
            "View in browser",
            "1 Mill Lane",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("foot", "reply_to", "absent"),
    [
        (replace(FULL, is_open=False), "hi@example.com", "forwarded"),
        (replace(FULL, previous_slug="", previous_title=""), "hi@example.com", "Previous"),
        (FULL, "", "reply"),
    ],
)
def test_what_leads_nowhere_is_not_there(foot: Foot, reply_to: str, absent: str) -> None:
    letter = mail(foot, reply_to=reply_to)

    assert absent not in letter.text
    assert absent not in shown(visible(letter.html))
    assert "" not in hrefs(letter.html)


def test_without_a_list_nobody_is_asked_to_join_one() -> None:
    letter = mail(Foot(is_open=True), context=replace(CONTEXT, list_name=""))

    assert "because you joined this list." in letter.text
    assert "/subscribe/" not in letter.text + letter.html


def test_the_way_to_subscribe_holds_nothing_of_the_reader() -> None:
    """Whoever a mail was forwarded to must not act as its reader."""
    letter = mail()

    (url,) = [href for href in hrefs(letter.html) if "/subscribe/" in href]
    assert url == f"{BASE}/subscribe/readers"
    assert f"{url}\n" in letter.text
    assert PREVIOUS in hrefs(letter.html)


@pytest.mark.parametrize("language", sorted(available().values()))
def test_the_foot_in_each_language(language: str) -> None:
    letter = mail(language=language)
    t = words(language, "mail")

    html = shown(visible(letter.html))
    for word in (t["forwarded"], t["subscribe"], t["reply"], t["previous"].split("{")[0]):
        assert word in letter.text
        assert word in html


def test_the_hash_that_a_test_leaves_is_that_of_the_send() -> None:
    """What depends on the list is no part of the sealed bytes: an issue is tested once."""
    sealed = email()

    assert for_send(sealed, replace(CONTEXT, foot=FULL)).html != sealed.html
    assert Email.from_json(sealed.to_json()) == sealed
    assert sealed.content_hash == email().content_hash
