"""Emails for the browser: the project's own issues, one with every kind of block in either
direction, a real digest."""

from functools import cache
from pathlib import Path

from newsletter import digest, render
from newsletter.model.digest import Digest
from newsletter.model.email import Email, fill, for_send
from newsletter.render import Masthead, packaged_templates

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "digests"
EVERY_BLOCK = "every-block"
RIGHT_TO_LEFT = "right-to-left"
FIRST_SCREEN = "first-screen"

_FILES = {path.stem: path for path in sorted((ROOT / "issues").glob("*.md"))} | {
    path.stem: path for path in sorted(REAL.glob("*.md")) if path.stem == "2026-01-07-ai-daily"
}
SAMPLES = (EVERY_BLOCK, RIGHT_TO_LEFT, *_FILES)
THEMES = sorted(path.parent.name for path in packaged_templates().glob("*/email.mjml.j2"))
# Each sample in its theme. The other themes share most of `digest`: one sample in each direction
# shows what they change.
LOOKS = tuple(
    (name, theme)
    for theme in THEMES
    for name in (SAMPLES if theme == "digest" else (EVERY_BLOCK, RIGHT_TO_LEFT))
)

_MASTHEAD = Masthead(
    name="每日机器 · The Quiet Machine",
    language="zh-CN",
    timezone="Asia/Shanghai",
    sender="Letters <letters@news.example.com>",
    reply_to="hello@news.example.com",
    base_url="https://news.example.com",
    postal_address="1 Example Street, 00000 Example",
)
_VALUES = {
    "subscriber.name": "Reader",
    "unsubscribe_url": "https://news.example.com/u/" + "t" * 60,
    "preferences_url": "https://news.example.com/preferences/" + "t" * 60,
    "web_url": "https://news.example.com/archive/every-block/",
}

_OF_THE_SEND = {
    "in_mail": "yes",
    "list_name": "每日机器",
    "subscribe_url": "https://news.example.com/subscribe/readers",
    "previous_url": "https://news.example.com/archive/before/",
    "previous_title": "A rather long title of the issue that came before this one, 上一期的标题",
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
Hello {{ subscriber.name | default("reader") }}, with a [note](https://example.com/) in the lead.

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

> A quote with a [source](https://example.com/quote).
>
> — Somebody, *A Book*

| column | a rather wide second column | third | fourth |
|---|---|---|---|
| averyveryverylongwordwithoutanybreaks | `code_in_a_cell_without_spaces` | 3 | 4 |

```
a_line_of_code_that_is_wider_than_a_phone = ("x" * 100) + "y" + "zzzzzzzzzzzzzzzzzzzzzzzzzzz"
```

![A chart of the year](https://news.example.com/chart.png "What the year brought")

![Left](https://news.example.com/l.png "On the left") ![Right](https://news.example.com/r.png)

![1](https://news.example.com/1.png) ![2](https://news.example.com/2.png) ![3](https://news.example.com/3.png)

**[Read the whole report](https://example.com/report)**

> ![Quoted left](https://news.example.com/l.png) ![Quoted right](https://news.example.com/r.png)

https://www.youtube.com/watch?v=dQw4w9WgXcQ

::: sponsor Acme
Anvils for [everybody](https://example.com/anvils).

**[Buy one](https://example.com/buy)**
:::

A sign ![badge](https://news.example.com/badge.png) among words.
<img src="https://news.example.com/wide.png" alt="A map" width="1200" height="900">

- <img src="https://news.example.com/listed.png" alt="A plan" width="600" height="300">

> ![A quoted chart](https://news.example.com/quoted.png)

| a | b |
|---|---|
| ![cell](https://news.example.com/cell.png) | x |

1. one
   - nested
     - deeper
2. two

- [x] done
- [ ] not yet

<iframe src="https://video.example.com/embed/1" title="A film"></iframe>

### A group

Most of an issue is text that readers read, and a sample of every block has to have some of it, too:
a few sentences as long as these, set as large as text is.

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

_ARABIC = """\
---
title: ماذا يبقى من آلة صامتة، وماذا يقول عنها "Example Labs" في 2026؟
date: 2026-11-20
language: ar
category: أدوات
coverImage: https://news.example.com/cover.png
summary: |
  - نقطة أولى مع `code --flag` و**نص عريض**
  - نقطة ثانية: ارتفعت المبيعات 12.5% في 2026.
---
معظم كل عدد نص يقرؤه القراء، ولا بد لهذا المثال من بعضه أيضا:
بضع جمل طويلة مثل هذه، بحجم النص المعتاد.

صباح الخير {{ subscriber.name | default("أيها القارئ") }}،
وهذا [مقال](https://example.com/) في المقدمة.

## القسم الأول

### [خبر له رابط](https://example.com/one)

النص فيه **تأكيد** و`pip install` وحاشية[^1].

**الأثر:** كتلة لها عنوان.

- بند أول
  - بند داخلي
- بند ثان

1. واحد
2. اثنان

### خبر بلا رابط

> اقتباس قصير، ينتهي بنقطة.
>
> — كاتب

| الاسم | العدد |
|---|---|
| الأول | 1,250 |

```
print("left to right")
```

![رسم السنة](https://news.example.com/chart.png "ما حملته السنة")

![يمين](https://news.example.com/r.png) ![يسار](https://news.example.com/l.png)

**[اقرأ التقرير](https://example.com/report)**

::: sponsor
نص الراعي.
:::

<iframe src="https://video.example.com/embed/1" title="فيلم"></iframe>

## باختصار

- [الأول](https://example.com/b1)، ملاحظة.
- [الثاني](https://example.com/b2): أخرى.
- [الثالث](https://example.com/b3).

[^1]: الحاشية.

---

<div class="card"><div class="card-title">انضم إلينا</div>
<div class="card-text">نقرأ كل رسالة.</div>
<a class="card-cta" href="https://example.com/join">انضم</a>
<img src="https://news.example.com/qr.png" alt="رمز"></div>
"""
_POINTS = "".join(
    f"  - 第{n}个要点，说的是这一期里的一条新闻，有两行长\n" for n in "一二三四五六七"
)
_MANY_POINTS = f"""\
---
title: 一个关于机器人的标题，它在手机上有两行那么长
date: 2026-11-20
coverImage: https://news.example.com/cover.png
summary: |
{_POINTS}---
## 第一部分

### [第一条新闻](https://example.com/one)

正文。
"""
_SOURCES = {EVERY_BLOCK: _SOURCE, RIGHT_TO_LEFT: _ARABIC, FIRST_SCREEN: _MANY_POINTS}


def with_every_block() -> str:
    return html_of(EVERY_BLOCK)


@cache
def html_of(name: str, theme: str = "digest") -> str:
    """The final HTML of a sample for one reader, in a packaged theme."""
    return fill(for_send(email_of(name, theme).html, _OF_THE_SEND), _VALUES)


def email_of(name: str, theme: str = "digest") -> Email:
    """A sample in a packaged theme."""
    look = render.load_theme(theme, [render.packaged_templates()])
    return render.render(digest_of(name), look, _MASTHEAD)


@cache
def digest_of(name: str) -> Digest:
    data = _SOURCES[name].encode() if name in _SOURCES else _FILES[name].read_bytes()
    return digest.parse(
        data,
        file=f"issues/{name}.md",
        stem=name,
        base_url=_MASTHEAD.base_url,
        section_labels=("影响", "Impact"),
    ).digest
