"""What feed readers show of a mail: words, links, pictures, and nothing that only mails need."""

import pytest
from lxml import html as lxml_html

from newsletter.model.email import LIST_NAME, MergeField, MergeText, Place
from newsletter.web.readable import readable
from newsletter.web.sealed import Surroundings
from tests.unit.digest.reading import read
from tests.unit.render.rendering import rendered

AROUND = Surroundings("The Letter", "https://n.example/archive/a/", "https://n.example/archive/")

ISSUE = """\
---
title: News of the valley
date: 2026-01-07
summary: |
  - First point
---
Hello {{ subscriber.name }}, read [this]({{ web_url }}).

## Looms

### [Faster ones](https://example.com/looms)

They *count* **threads**.

- one
- two

1. first

> said so

![A loom](https://example.com/loom.png)

| a | b |
|---|---|
| 1 | 2 |

```
code  here
```
"""


def shown(template: MergeText) -> lxml_html.HtmlElement:
    return lxml_html.fragment_fromstring(readable(template, AROUND), create_parent="div")


def test_an_issue_keeps_its_headings_lists_links_pictures_and_tables() -> None:
    html = shown(rendered(read(ISSUE).digest).html)

    assert [h.text_content() for h in html.iter("h1", "h2", "h3")] == [
        "News of the valley",
        "Looms",
        "Faster ones",
    ]
    assert "https://example.com/looms" in html.xpath(".//h3/a/@href")
    assert html.xpath(".//ul/li/text()")[-2:] == ["one", "two"]
    assert html.xpath(".//ol/li/text()") == ["first"]
    assert html.xpath(".//img/@src") == ["https://example.com/loom.png"]
    assert html.xpath(".//img/@alt") == ["A loom"]
    assert html.xpath(".//td/text()") == ["1", "2"]
    assert html.xpath("string(.//pre)").strip() == "code  here"
    assert html.xpath(".//em/text()") == ["count"]
    assert "said so" in html.xpath("string(.//blockquote)")


def test_nothing_of_the_layout_or_of_any_reader_is_left() -> None:
    text = readable(rendered(read(ISSUE).digest).html, AROUND)
    html = shown(rendered(read(ISSUE).digest).html)

    assert html.xpath(".//@style | .//@class | .//@role") == []
    assert len(html.xpath(".//table")) == 1
    assert "about:" not in text
    for word in ("Unsubscribe", "Preferences", "View in browser", "You get this mail"):
        assert word not in text
    assert "Hello, read" not in text  # its link leads to the page that this is


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (("<body><p>a</p><script>x</script></body>",), "<p>a</p>"),
        (("<p onclick='x'>a <a href='javascript:x'>b</a></p>",), "<p>a <a>b</a></p>"),
        (("just words",), "just words"),
        (("",), ""),
        (("<p>you are on ", MergeField(LIST_NAME, Place.HTML), "</p><p>b</p>"), "<p>b</p>"),
        (
            ("<p>b</p>bye <a href='", MergeField("unsubscribe_url", Place.URL), "'>leave</a>"),
            "<p>b</p>bye",
        ),
        (
            ("<table role='presentation'><tr><td>a</td><td><p>b</p></td></tr></table>",),
            "<div>a</div><p>b</p>",
        ),
        (("<div style='display:none'>hidden</div><p>b</p>",), "<p>b</p>"),
    ],
)
def test_other_mails(template: MergeText, expected: str) -> None:
    assert "".join(readable(template, AROUND).split()) == "".join(expected.split())


def test_a_link_within_an_issue_leads_to_its_page() -> None:
    """A feed reader shows many issues on one page, and has no places to lead to."""
    template = '<html><body><p>x<a id="ref-1" href="#note-1">[1]</a></p></body></html>'

    assert f'href="{AROUND.web_url}#note-1"' in readable((template,), AROUND)
