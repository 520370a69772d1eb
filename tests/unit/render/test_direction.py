"""A mail in a language that is written from right to left is the mirror image of any other."""

import re
from typing import Any

import pytest

from tests.browser.samples import RIGHT_TO_LEFT, html_of
from tests.unit.render.rendering import delivered, visible

EVERYTHING = """\
Lead with `code`.

## Section

### [Item](https://a.example/1)

**Impact:** text

- one
  - two

1. one

### Next

> quote

| a | b |
|---|--:|
| c | d |

```
code
```

![x](https://a.example/i.png)

<iframe src="https://a.example/v" title="film"></iframe>

Note[^1].

## More

- [a](https://a.example/1), note
- [b](https://a.example/2)
- [c](https://a.example/3)

[^1]: Note.

---

<div class="card"><h3>T</h3><p>x</p><a href="https://a.example/">Go</a></div>
"""
_OTHER = {"left": "right", "right": "left", "ltr": "rtl", "rtl": "ltr"}
_FOUR = re.compile(r"(?:margin|padding):[^\s;]+ ([^\s;]+) [^\s;]+ ([^\s;]+)")


def looks(html: str) -> list[tuple[str, str, str, str]]:
    """Tag, style, alignment and direction of each element that no code is in."""
    return [
        (e.tag, e.get("style", ""), _align(e), e.get("dir", ""))
        for e in visible(html).iter()
        if e.tag not in ("code", "pre")
    ]


def _align(element: Any) -> str:
    """The side that the theme sets an element to; in a table of data its author does."""
    of_data = element.xpath("self::*[self::td or self::th][ancestor::table[1][not(@role)]]")
    return "" if of_data else str(element.get("align", ""))


def mirrored(text: str) -> str:
    return re.sub(r"\b(?:left|right|ltr|rtl)\b", lambda side: _OTHER[side[0]], text)


@pytest.mark.parametrize("language", ["ar", "he", "fa-IR", "ur", "ckb", "az-Arab"])
def test_a_mail_from_right_to_left_is_the_mirror_image_of_one_from_left_to_right(
    language: str,
) -> None:
    summary = "|\n  - one\n  - two"
    plain = delivered(EVERYTHING, language="sw", summary=summary).html
    other = delivered(EVERYTHING, language=language, summary=summary).html

    assert looks(other) == [tuple(map(mirrored, look)) for look in looks(plain)]


@pytest.mark.parametrize(
    ("piece", "broken"),
    [
        ("direction:rtl", "direction:ltr"),
        ("text-align:right", "text-align:left"),
        ("padding-right", "padding-left"),
        ("border-right", "border-left"),
        ('dir="rtl"', 'dir="ltr"'),
        ('align="right"', 'align="left"'),
    ],
)
def test_a_side_that_is_not_mirrored_is_seen(piece: str, broken: str) -> None:
    summary = "|\n  - one\n  - two"
    plain = delivered(EVERYTHING, language="sw", summary=summary).html
    other = delivered(EVERYTHING, language="ar", summary=summary).html

    changed = other.replace(piece, broken)

    assert changed != other
    assert looks(changed) != [tuple(map(mirrored, look)) for look in looks(plain)]


@pytest.mark.parametrize("style", ["padding:8px 12px 8px 0", "margin:0 4px 0 6px"])
def test_a_side_in_a_shorthand_is_seen(style: str) -> None:
    (pair,) = _FOUR.findall(style)

    assert pair[0] != pair[1]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_side_hides_in_a_shorthand(language: str) -> None:
    """`padding: 8px 12px 8px 0` would be the same in both."""
    html = delivered(EVERYTHING, language=language).html

    pairs = [pair for _, style, *_ in looks(html) for pair in _FOUR.findall(style)]
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_a_column_stays_on_the_side_that_its_author_gave_it() -> None:
    """Numbers are set to the right in both."""
    cells = visible(delivered(EVERYTHING, language="ar").html).xpath(
        ".//th[@align] | .//td[@align]"
    )

    assert [cell.get("align") for cell in cells if cell.text in ("b", "d")] == ["right", "right"]


def test_code_stays_left_to_right() -> None:
    body = visible(html_of(RIGHT_TO_LEFT))

    assert {e.get("dir") for e in body.xpath(".//code[not(parent::pre)] | .//pre")} == {"ltr"}
    assert all("text-align:left" in e.get("style") for e in body.iter("pre"))


def test_the_mail_says_its_language_and_direction_where_programs_keep_it() -> None:
    """Many drop <html> and <body> with all that they say."""
    html = html_of(RIGHT_TO_LEFT)

    assert '<html lang="ar" dir="rtl"' in html
    (article,) = visible(html).xpath(".//div[@role='article']")
    assert (article.get("lang"), article.get("dir")) == ("ar", "rtl")


def test_a_mail_from_left_to_right_says_nothing_of_the_other_direction() -> None:
    assert "rtl" not in delivered(EVERYTHING, language="en").html
