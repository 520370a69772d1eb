"""Emails for the browser: the project's own issues, one with every kind of block, a real digest."""

from functools import cache
from pathlib import Path

from newsletter import digest, render
from newsletter.model.email import fill
from newsletter.render import Masthead

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "digests"
EVERY_BLOCK = "every-block"

_FILES = {path.stem: path for path in sorted((ROOT / "issues").glob("*.md"))} | {
    path.stem: path for path in sorted(REAL.glob("*.md")) if path.stem == "2026-01-07-ai-daily"
}
SAMPLES = (EVERY_BLOCK, *_FILES)

_MASTHEAD = Masthead(
    name="每日机器 · The Quiet Machine",
    language="zh-CN",
    timezone="Asia/Shanghai",
    sender="Letters <letters@news.example.com>",
    reply_to="",
    base_url="https://news.example.com",
    postal_address="1 Example Street, 00000 Example",
)
_VALUES = {
    "subscriber.name": "Reader",
    "list_name": "readers",
    "unsubscribe_url": "https://news.example.com/u/" + "t" * 60,
    "preferences_url": "https://news.example.com/preferences/" + "t" * 60,
    "web_url": "https://news.example.com/archive/every-block/",
}

_SOURCE = """\
---
title: What is a picture worth, and a very long word such as Donaudampfschifffahrtsgesellschaft
date: 2026-11-20
category: 工具
coverImage: https://news.example.com/cover.png
summary: |
  - One point with `code` and **bold**
  - https://example.com/a/very/long/address/that/never/ends/and/has/no/place/to/break/at/all
---
Hello {{ subscriber.name | default("reader") }}, with a [link](https://example.com/) in the lead.

## 第一部分

### [一个条目，有链接](https://example.com/one)

正文里有**重点**、~~删除~~、`代码`、上标<sup>2</sup> 和脚注[^1]。

**深度解读 & 洞察：**

- 第一点
- 第二点

**注意：** 中性的标签。

**影响：** 对整个部分。

## Blocks

### An item without a link

> A quote with a [link](https://example.com/quote).

| column | a rather wide second column | third | fourth |
|---|---|---|---|
| averyveryverylongwordwithoutanybreaks | `code_in_a_cell_without_spaces` | 3 | 4 |

```
a_line_of_code_that_is_wider_than_a_phone = ("x" * 100) + "y" + "zzzzzzzzzzzzzzzzzzzzzzzzzzz"
```

![A chart of the year](https://news.example.com/chart.png)

1. one
   - nested
     - deeper
2. two

- [x] done
- [ ] not yet

<iframe src="https://video.example.com/embed/1" title="A film"></iframe>

### A group

#### [Deeper item](https://example.com/deeper)

Text.

## In brief

- [One](https://example.com/b1), a note.
- [Two](https://example.com/b2): another.
- **Three**, without a link.

[^1]: The note, with <https://example.com/note>.

---

<div class="card"><div class="card-title">Join us</div>
<div class="card-text">Read <a href="https://example.com/h">@handle</a> every day.</div>
<a class="card-cta" href="https://example.com/join">Join</a>
<img src="https://news.example.com/qr.png" alt="QR code"></div>
"""


def with_every_block() -> str:
    return html_of(EVERY_BLOCK)


@cache
def html_of(name: str) -> str:
    """The final HTML of a sample for one reader."""
    data = _SOURCE.encode() if name == EVERY_BLOCK else _FILES[name].read_bytes()
    parsed = digest.parse(
        data,
        file=f"issues/{name}.md",
        stem=name,
        base_url=_MASTHEAD.base_url,
        section_labels=("影响", "Impact"),
    )
    theme = render.load_theme("digest", [render.packaged_templates()])
    return fill(render.render(parsed.digest, theme, _MASTHEAD).html, _VALUES)
