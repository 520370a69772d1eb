"""In a preview, each part says in which line of the issue it was written."""

import re
from dataclasses import replace

import pytest

from newsletter.model.email import Email
from newsletter.render import load_theme, packaged_templates, render
from tests.browser.samples import LOOKS, digest_of
from tests.unit.render.rendering import MASTHEAD, default_theme, issue, mail, shown, visible
from tests.unit.render.test_contract import EVERY_BLOCK

_VALUE = r"""(?:"[^"]*"|'[^']*')"""
_TAG = re.compile(rf"<[A-Za-z][\w:-]*(?:\s+[\w:-]+(?:={_VALUE})?)*\s*/?>")
_ATTRIBUTE = re.compile(rf"\s+([\w:-]+)(?:={_VALUE})?")


def html_of(email: Email) -> str:
    return "".join(p if isinstance(p, str) else f"{p.name}, {p.place}" for p in email.html)


def without_marks(html: str) -> str:
    """The attributes are taken out of tags alone: a text, or a value, may hold the same words."""

    def kept(attribute: re.Match[str]) -> str:
        return "" if attribute[1] == "data-line" else attribute[0]

    return _TAG.sub(lambda tag: _ATTRIBUTE.sub(kept, tag[0]), html)


def marked(source: str) -> list[tuple[int, str]]:
    """What is marked with which line of an issue, from which front matter is not counted."""
    email = render(issue(source), default_theme(), MASTHEAD, marks=True)
    elements = visible(mail(email).html).iterfind(".//*[@data-line]")
    return [(int(e.get("data-line")) - 4, " ".join(shown(e).split())) for e in elements]


@pytest.mark.parametrize(("name", "theme"), LOOKS)
def test_without_its_marks_a_preview_is_the_mail_byte_for_byte(name: str, theme: str) -> None:
    look = load_theme(theme, [packaged_templates()])
    digest = digest_of(name)

    plain, preview = (render(digest, look, MASTHEAD, marks=on) for on in (False, True))

    assert "data-line" in html_of(preview)
    assert "data-line" not in html_of(plain)
    assert without_marks(html_of(preview)) == html_of(plain)
    assert replace(preview, html=plain.html) == plain


def test_what_an_author_wrote_as_a_mark_stays_in_a_preview() -> None:
    digest = issue(f'Text `<p data-line="7">` here.\n\n{EVERY_BLOCK}')

    plain, preview = (render(digest, default_theme(), MASTHEAD, marks=on) for on in (False, True))

    assert without_marks(html_of(preview)) == html_of(plain)


def test_each_part_names_its_own_line() -> None:
    source = """\
The lead.

## A section

### An item

A paragraph.

- a point
- another

> A quote.

| a | b |
|---|---|
| c | d |

#### Below

- [One](https://a.example/1), a note.
- [Two](https://a.example/2), a note.
- [Three](https://a.example/3), a note.

![A picture](https://a.example/p.png)

**[Go](https://a.example/go)**

```
code
```

::: tip Mind
this
:::
"""
    lines = source.split("\n")

    found = dict(reversed(marked(source)))  # the outermost of a line is there last

    wanted = (1, 3, 5, 7, 9, 10, 12, 14, 16, 18, 20, 21, 22, 24, 26, 28, 32, 33)
    assert sorted(line for line in found if line > 0) == sorted(wanted)
    for line in (1, 3, 7, 9, 10, 18, 21, 22):
        words = re.findall(r"\w+", lines[line - 1].partition("](")[0])
        assert [word for word in words if word not in found[line]] == [], line


def test_the_title_and_each_point_of_the_summary_are_marked() -> None:
    """In the front matter."""
    digest = issue("Text.\n", summary="|\n  - The first point\n  - The second one")
    email = render(digest, default_theme(), MASTHEAD, marks=True)

    marks = {
        shown(element).strip(): int(element.get("data-line"))
        for element in visible(mail(email).html).iterfind(".//*[@data-line]")
    }

    assert marks == {"T": 2, "The first point": 5, "The second one": 6, "Text.": 8}
