"""What mailboxes, assistants and screen readers read of a mail, before it is opened or instead."""

import re

import lxml.html
import pytest

from tests.browser.samples import SAMPLES, html_of
from tests.unit.render.rendering import READER, delivered, issue, mail, rendered, shown, visible


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_begins_with_its_news(name: str) -> None:
    """Programs sum up what comes first: links to elsewhere come last."""
    body = visible(html_of(name))

    (title,) = body.iter("h1")
    before = " ".join("".join(title.xpath("preceding::text()[ancestor::body]")).split())
    assert title.xpath("preceding::a") == []
    assert len(before.split()) < 20


def test_the_way_to_the_browser_is_at_the_foot() -> None:
    body = visible(delivered("Last words.\n").html)

    (browser,) = (a for a in body.iter("a") if shown(a) == "View in browser")
    assert "Last words." in "".join(browser.xpath("preceding::text()"))


def test_the_description_is_the_preheader() -> None:
    html = delivered(preheader="'Short & <sweet>'").html

    (description,) = lxml.html.fromstring(html).xpath("//meta[@name='description']/@content")
    assert description == "Short & <sweet>"


def test_a_value_of_a_reader_breaks_no_description() -> None:
    """It is escaped for where it stands, as anywhere."""
    email = rendered(issue(preheader="'{{ subscriber.city }}, hello'"))
    reader = READER._replace(attributes={"city": 'a" /><b>&'})

    html = mail(email, reader).html

    (description,) = lxml.html.fromstring(html).xpath("//meta[@name='description']/@content")
    assert description == 'a" /><b>&, hello'


@pytest.mark.parametrize("name", SAMPLES)
def test_all_that_is_shown_stands_in_the_one_main_region(name: str) -> None:
    body = visible(html_of(name))

    (main,) = body.xpath(".//*[@role='main']")
    assert re.sub(r"\s", "", shown(main)) == re.sub(r"\s", "", shown(body))
