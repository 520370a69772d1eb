"""Links of an issue to its own headings."""

import pytest

from newsletter.model.blocks import Item, Section
from newsletter.model.finding import Severity
from newsletter.model.inline import Link
from tests.unit.digest.reading import all_of, body, finding, read
from tests.unit.render.rendering import delivered, visible

CONTENTS = """\
- [Guides](#guides)
- [Looms](#the-looms)
- [二](#二)
- [Deep](#deep)

## Guides {#guides}

### The looms!

#### Deep

## 二

[Up](#GUIDES)
"""


def test_a_table_of_contents_leads_to_its_headings() -> None:
    digest = body(CONTENTS)

    links = [link.url.removeprefix("#") for link in all_of(digest, Link)]
    anchors = [section.anchor for section in all_of(digest, Section)]
    anchors += [item.anchor for item in all_of(digest, Item)]
    assert links[:2] + links[3:] == ["to-guides", "to-the-looms", "to-deep", "to-guides"]
    assert links[2].isascii()
    assert set(links) == set(filter(None, anchors))


def test_each_link_finds_its_place_in_the_mail() -> None:
    mail = delivered(CONTENTS)

    page = visible(mail.html)
    targets = [href[1:] for href in page.xpath(".//a/@href") if href.startswith("#")]
    assert len(targets) == 5
    for target in targets:
        (place,) = page.xpath(f".//a[@id='{target}']")
        assert place.getparent().tag in ("h2", "h3", "h4")
        assert place.get("name") == target
    assert "#to-" not in mail.text
    assert "• Guides\n\n• Looms" in mail.text
    assert "<a" not in page.text_content()


def test_a_heading_that_nothing_leads_to_has_no_place() -> None:
    digest = body("## One\n\n[Two](#two)\n\n## Two\n")

    assert [section.anchor for section in digest.sections] == ["", "to-two"]


def test_a_given_name_goes_before_the_text() -> None:
    digest = body("[a](#short) [b](#a-long-heading)\n\n## A long heading {#short}\n")

    assert {link.url for link in all_of(digest, Link)} == {"#to-short"}
    assert digest.sections[0].anchor == "to-short"


@pytest.mark.parametrize("target", ["#nowhere", "#", "#t"])
def test_a_place_that_is_not_there_is_told(target: str) -> None:
    """The title is at the top anyway, and is none."""
    parsed = read(
        f"---\ntitle: T\ndate: 2026-01-07\n---\n# T\n\n[x]({target})\n\n## One\n\nText.\n"
    )

    assert finding(parsed, "broken-link") == (Severity.WARNING, 7)
    assert not all_of(parsed.digest, Link)


def test_links_that_lead_nowhere_are_one_finding() -> None:
    source = "- [One](#one)\n- [Two](#%E4%BA%8C)\n- [<b>Up</b>](#)\n\n<a href='#one'>x</a>\n"
    parsed = read(f"---\ntitle: T\ndate: 2026-01-07\n---\n{source}")

    (found,) = [found for found in parsed.findings if found.rule == "broken-link"]
    assert found.message.startswith("'#one', and 3 more: ")


def test_a_given_name_is_told_where_nothing_leads_to_it() -> None:
    front = "---\ntitle: T\ndate: 2026-01-07\n---\n"
    used = read(f"{front}[x](#one)\n\n## One {{#one}}\n")
    unused = read(f"{front}## One {{#one}}\n")

    assert "foreign-markup" not in {found.rule for found in used.findings}
    assert "foreign-markup" in {found.rule for found in unused.findings}
