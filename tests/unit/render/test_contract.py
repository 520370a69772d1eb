"""What a theme may rely on: the classes of blocks and the signs that docs/extending.md lists."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import lxml.html
import pytest

from newsletter.errors import RenderError
from newsletter.model.blocks import Block
from newsletter.model.digest import Digest
from newsletter.model.inline import InlineNode
from newsletter.model.walking import walk
from newsletter.render import Theme, signs
from newsletter.render.fields import Fields
from newsletter.render.html import HtmlWriter, Sheet
from newsletter.render.signs import HtmlSigns, TextSigns
from tests.unit.render.rendering import delivered, issue, mail, own_theme, rendered, shown

PAGE = (Path(__file__).parents[3] / "docs" / "extending.md").read_text("utf-8")
EVERY_BLOCK = """\
Text with [a link](https://a.example/), *emphasis*, `short` and `code that is long enough to break`,
a ![sign](https://a.example/s.png), a note[^1]\\
and a hard break{{ subscriber.name }}.

[toc]

## 第一部分，很好

### [一个条目，有链接](https://a.example/one)

- a point
- [x] done
- [ ] open

1. first
2. second

### An item

**Insight:**

- A point.

**影响：** Something.

**注意：** Something.

<blockquote><p>A quote.</p><footer>Somebody</footer></blockquote>

| column | another |
|---|---|
| 1 | a cell with a text that is rather long |

```
code
```

---

![A chart](https://a.example/c.png "What it shows")

![Alone](https://a.example/d.png)

<img src="https://a.example/1.png" alt="1" width="900" height="300"> ![2](https://a.example/2.png) ![3](https://a.example/3.png)

![Left](https://a.example/l.png) ![Right](https://a.example/r.png)

**[Read it](https://a.example/report)**

https://www.youtube.com/watch?v=dQw4w9WgXcQ

<audio src="https://a.example/talk.mp3">
</audio>

::: sponsor Acme
Anvils.
:::

> #### A heading in a quote

### A group

#### [Deeper](https://a.example/deeper)

Text.

## In brief

- [One](https://a.example/b1), a note.
- **Two**, without a link.
- [Three](https://a.example/b3): another.

## In order

1. [One](https://a.example/b1), a note.
2. [Two](https://a.example/b2), another.
3. [Three](https://a.example/b3): another.

[^1]: The note.

---

<div class="card"><div class="card-title">Join us</div>
<div class="card-text">Read it every day.</div>
<a class="card-cta" href="https://a.example/join">Join</a>
<img src="https://a.example/qr.png" alt="A code"></div>
"""


def written(digest: Digest) -> set[str]:
    """The classes that are written for a digest, whatever templates add."""
    words = dict.fromkeys(("contents", "sponsor", "back"), "a word")
    fields = Fields.apart_from(str(digest))
    writer = HtmlWriter(fields, Sheet(568, "ltr", "#a8321f", HtmlSigns()), words, digest)
    assert digest.promo is not None
    parts = (*digest.lead, *digest.sections, *digest.tail, digest.promo)
    names = lxml.html.document_fromstring(writer.blocks(parts)).xpath("//@class")
    return {name for value in names for name in value.split()}


def rows(heading: str) -> dict[str, list[str]]:
    """The tables below a heading of the page: what stands in the first cell -> the other cells."""
    (text,) = re.findall(rf"^### {heading}\n(.*?)(?=^##)", PAGE, re.M | re.S)
    found = {}
    for line in re.findall(r"^\| (`.*) \|$", text, re.M):
        first, *others = re.split(r" *(?<!\\)\| *", line)
        for name in re.findall(r"`([^`]+)`", first):
            assert name not in found
            found[name] = others
    return found


def test_the_page_lists_every_class_that_is_written_and_no_other() -> None:
    assert set(rows("Classes")) == written(issue(EVERY_BLOCK))


def test_the_issue_of_this_test_has_every_kind_of_block() -> None:
    """Or a class of a new kind of block could be missing on the page."""
    kinds = {type(node) for node in walk(issue(EVERY_BLOCK))}

    assert {*get_args(Block), *get_args(InlineNode)} <= kinds


def test_the_page_lists_every_sign_with_what_it_is() -> None:
    listed = {
        name: [place.strip("`").replace("\\|", "|") for place in places[:2]]
        for name, places in rows("Signs").items()
    }

    html, text = (asdict(kind()) for kind in (HtmlSigns, TextSigns))
    assert listed == {
        name: [html.get(name, "").removesuffix("\ufe0e"), text.get(name, "")]
        for name in {**html, **text}
    }


def of_own_signs(folder: Path) -> tuple[Theme, dict[str, list[str]]]:
    """A theme all of whose signs would be tags of their own, were they not escaped, and these."""
    own: dict[str, list[str]] = {}
    toml = ""
    for table in signs.TABLES:
        toml += f"[{table}]\n"
        for name in signs.names(table):
            sign = f"<{table}-{name.replace('_', '-')}>"
            own.setdefault(table, []).append(sign)
            toml += f'{name} = "{sign}"\n'
    return own_theme(folder, {"theme.toml": toml}), own


def test_a_theme_has_other_signs(tmp_path: Path) -> None:
    """Each in its part of the mail, as text; those of the program are gone."""
    theme, own = of_own_signs(tmp_path)
    text, page = "", ""

    for language in ("en", "ar"):
        sent = mail(rendered(issue(EVERY_BLOCK, language=language, summary="A point."), theme))
        text += sent.text
        page += shown(lxml.html.document_fromstring(sent.html))

    assert [sign for sign in own["signs"] if sign not in page] == []
    assert [sign for sign in own["text_signs"] if sign not in text] == []
    assert [sign for sign in asdict(HtmlSigns()).values() if sign in page] == []
    gone = {"section", "subsection", "item", "brief", "rule", "label_begins", "label_ends"}
    assert [
        sign for name, sign in asdict(TextSigns()).items() if name in gone and sign in text
    ] == []


def test_a_sign_is_no_merge_field(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"theme.toml": '[signs]\ndone = "{{ subscriber.name }}"\n'})

    html = mail(rendered(issue("- [x] done\n"), theme)).html

    assert "{{ subscriber.name }}" in html


@pytest.mark.parametrize(
    "value", ['""', '" "', '"- "', '"a\\nb"', '"a\\u2028b"', f'"{"x" * 73}"', "3"]
)
def test_what_is_no_sign_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(RenderError, match=r"text_signs\.item is not a sign") as raised:
        own_theme(tmp_path, {"theme.toml": f"[text_signs]\nitem = {value}\n"})

    assert str(raised.value.where).endswith("theme.toml:2")
    assert "1 to 72 characters" in str(raised.value.hint)


@pytest.mark.parametrize("table", ["signs", "text_signs"])
def test_a_sign_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path, table: str) -> None:
    with pytest.raises(RenderError, match=rf"unknown key {table}\.atribution") as raised:
        own_theme(tmp_path, {"theme.toml": f'[{table}]\natribution = "~"\n'})

    assert "'attribution'" in str(raised.value.hint)


def test_signs_are_a_table(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="signs is not a table of signs"):
        own_theme(tmp_path, {"theme.toml": 'signs = "-"\n'})


def test_a_sheet_is_as_wide_as_its_theme_says(tmp_path: Path) -> None:
    """With its sides, which the text leaves free."""
    narrow = mail(rendered(issue(), own_theme(tmp_path, {"theme.toml": "column = 428\n"}))).html

    assert "max-width:500px" in narrow
    assert "640px" not in narrow
    assert "max-width:640px" in delivered("Text.\n").html


@pytest.mark.parametrize("width", ["99", "2001", "568.5", "true", '"568px"'])
def test_what_is_no_width_is_refused_with_its_line(tmp_path: Path, width: str) -> None:
    with pytest.raises(RenderError, match="column is not a width in pixels") as raised:
        own_theme(tmp_path, {"theme.toml": f'name = "digest"\ncolumn = {width}\n'})

    assert str(raised.value.where).endswith("theme.toml:2")
    assert "between 100 and 2000" in str(raised.value.hint)
