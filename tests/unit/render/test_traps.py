"""The traps of mrml, premailer and MIME, on the whole way from an issue to a mailbox."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.render import render
from tests.share import examples
from tests.unit.digest.reading import read
from tests.unit.render.rendering import (
    MASTHEAD,
    default_theme,
    delivered,
    issue,
    mail,
    own_theme,
    rendered,
    shown,
    visible,
)
from tests.unit.render.test_whole import assert_whole
from tests.waiting import PATIENCE_SECONDS

ARROWS = "中->文 中>文 中文 > 英文"
EVERYWHERE = f"""\
---
title: "标题 {ARROWS}"
date: 2026-01-07
category: "类 {ARROWS}"
coverImage: https://a.example/cover.png
summary: |
  - 要点 {ARROWS}
---
开头 {ARROWS}

## 章 {ARROWS}

### [条 {ARROWS}](https://a.example/中>文 "题 {ARROWS}")

**影响 中>文：**

- 列 {ARROWS}
  1. 内 {ARROWS}

| 头 {ARROWS} | b |
|---|---|
| 格 {ARROWS} | `码 {ARROWS}` |

```
块 {ARROWS}
```

> 引 {ARROWS}

![图 {ARROWS}](https://a.example/i.png "图题 {ARROWS}")

<iframe src="https://a.example/v" title="播 {ARROWS}"></iframe>

脚[^1]

## 更多

- [链 {ARROWS}](https://a.example/1)：注 {ARROWS}
- [链 {ARROWS}](https://a.example/2)

[^1]: 注脚 {ARROWS}

---

<div class="promo-card"><h3>卡 {ARROWS}</h3><p>卡文 {ARROWS}</p>
<a href="https://a.example/c">钮 {ARROWS}</a></div>
"""
PLACES = "标题 要点 开头 章 条 列 内 头 格 码 块 引 图 播 链 注 注脚 卡 卡文 钮".split()


def test_a_sign_behind_chinese_is_shown_wherever_it_stands() -> None:
    """mrml panics at `中>文` in a text, so everything is escaped before it comes there."""
    result = mail(rendered(read(EVERYWHERE).digest))

    html = shown(visible(result.html))
    assert [place for place in PLACES if f"{place} {ARROWS}" not in html] == []
    assert [place for place in PLACES if f"{place} {ARROWS}" not in result.text] == []
    assert f'title="题 {ARROWS}"' in result.html.replace("&gt;", ">")
    assert "标题 中->文" in result.subject


def test_a_sign_behind_chinese_is_shown_in_the_masthead_too() -> None:
    odd = type(MASTHEAD)(
        f"报 {ARROWS}", "zh-CN", "UTC", MASTHEAD.sender, "", MASTHEAD.base_url, f"址 {ARROWS}"
    )

    result = mail(render(issue(), default_theme(), odd))

    for part in (shown(visible(result.html)), result.text):
        assert all(f"{place} {ARROWS}" in part for place in "报址")


@settings(max_examples=examples(60), derandomize=True)
@given(
    st.text("中文<>&\"'-{}%$#/=;`[]()!\\ a\n", max_size=30),
    st.text("中文<>&\"'-{}%$#/=;]\\ a", max_size=20),
)
def test_no_text_breaks_the_mail(body: str, title: str) -> None:
    digest = read(f"---\ntitle: {title!r}\n---\n## {title}\n\n{body}\n\n`{title}`\n").digest

    assert_whole(digest, mail(rendered(digest)))


def test_deep_nesting_does_not_kill_the_process() -> None:
    """mrml overflows its stack, which no `except` catches, at HTML some 9,000 levels deep."""
    script = """
from tests.unit.render.rendering import delivered
for body in ("> " * 50_000 + "end", "<div>" * 20_000 + "end", "<b>" * 50_000 + "end",
             "*a **b " * 4_000 + "end", "[" * 50_000 + "end", "- " * 20_000 + "end",
             "<table><tr><td>" * 5_000 + "end", "x <i>" * 20_000 + "end",
             "<blockquote>" * 2_000 + "end", "x <b>" + "<i><b>" * 1_000 + "end"):
    mail = delivered(body)
    assert "end" in mail.html and "end" in mail.text, body[:20]
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.processor_seconds(5)
def test_a_paragraph_of_many_lines_takes_no_square_of_time() -> None:
    """Whether a line break is a space is asked of its neighbours, not of all before it."""
    result = delivered("a\n" * 15_000)

    assert "a " * 14_999 + "a\n" in result.text


@pytest.mark.parametrize("font", ["Roboto", "'Open Sans'", "Ubuntu"])
def test_a_font_of_a_project_asks_no_other_host(
    font: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mrml would link it from Google, and premailer would fetch that link."""

    def refuse(*args: object) -> None:
        raise AssertionError(f"the network was asked for: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    theme = own_theme(tmp_path, {"theme.toml": f'[fonts]\nsans = "{font}, Arial"\n'})

    result = mail(rendered(issue("Roboto, Ubuntu, Open Sans.\n"), theme))

    assert font.strip("'") in result.html
    assert "googleapis" not in result.html
    assert "<link" not in result.html


def test_no_line_of_a_mail_is_too_long() -> None:
    """RFC 5322 allows 998 octets; the HTML of a digest is one line of tens of thousands."""
    result = delivered("字" * 30_000 + "\n\n" + "word " * 5_000 + "\n\n`" + "x" * 5_000 + "`\n")

    assert max(map(len, result.raw.split(b"\r\n"))) <= 998
    assert b"\n" not in result.raw.replace(b"\r\n", b"")


def test_a_mail_keeps_dark_mode_and_its_doctype_and_nothing_of_the_inliner() -> None:
    result = mail(rendered(read(EVERYWHERE).digest))

    sheets = "".join(re.findall(r"<style[^>]*>(.*?)</style>", result.html, re.DOTALL))
    body = result.html.partition("<body")[2]
    assert result.html.startswith("<!DOCTYPE html>")
    assert "prefers-color-scheme" in sheets
    assert "max-width" in sheets
    assert "!important" in sheets
    assert "!important" not in body
    assert "premailer" not in result.html
    assert "inline */" not in result.html


def test_pictures_keep_the_width_that_outlook_needs() -> None:
    result = delivered('<img src="https://a.example/i.png" alt="i" width="320">\n')

    pictures = {p.get("src"): p.get("width") for p in visible(result.html).iter("img")}
    assert pictures["https://a.example/i.png"] == "320"


def test_raw_mjml_of_an_author_is_no_mjml() -> None:
    """Neither as HTML nor as text: no include, no section of its own."""
    result = delivered(
        '<mj-include path="/etc/passwd"></mj-include>\n\n`<mj-include path="/etc/passwd" />`\n\n'
        "\\<mj-section>text\\</mj-section>\n"
    )

    assert "root:" not in result.html
    assert '<mj-include path="/etc/passwd" />' in shown(visible(result.html))
    assert "<mj-section>text</mj-section>" in shown(visible(result.html))
    assert not list(visible(result.html).iter("mj-include", "mj-section"))
