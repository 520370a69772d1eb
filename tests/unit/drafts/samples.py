"""Small archives of other systems, as these write them: texts of our own in their formats."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

Files = Mapping[str, str | bytes]


def picture(colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, "PNG")
    return content.getvalue()


JEKYLL: Files = {
    "_config.yml": "url: https://old.example\nbaseurl: /blog\ntitle: Looms\n",
    "_posts/2024-03-04-a-loom.md": """\
---
layout: post
title: "A loom: built"
date: 2024-03-04 08:00:00 +0900
categories: craft wood
tags: loom wood
image: /assets/cover.png
excerpt: How it was built.
rating: 5
theme: dark
---

Look at [the other]({% post_url 2024-04-05-second-loom %}) and [home]({{ site.baseurl }}/).

![A loom]({{ "/assets/loom.png" | relative_url }}){: .wide }

{% include figure.html src="/blog/assets/cover.png" alt="The frame" caption="The frame" %}

{% highlight python %}
x = "{{ site.url }}"
{% endhighlight %}

{% unknown_tag x %}

![Gone](/assets/gone.png) ![Far](https://far.example/p.png)
""",
    "_posts/2024-04-05-second-loom.markdown": (
        "---\nlayout: post\npublished: false\n---\n# Second\n\nText.\n"
    ),
    "_drafts/idea.md": "---\ntitle: An idea\n---\nNot yet.\n",
    "_posts/2024-05-06-old.textile": "h1. Old",
    "assets/loom.png": picture(),
    "assets/cover.png": picture("blue"),
    "index.md": "---\nlayout: home\n---\n",
}

HUGO: Files = {
    "hugo.toml": 'baseURL = "https://old.example/"\n',
    "content/_index.md": "+++\ntitle = 'Home'\n+++\n",
    "content/about.md": "+++\ntitle = 'About'\n+++\nWho we are.\n",
    "content/posts/dyes/index.md": """\
+++
title = "Dyes & colours"
date = 2024-03-04T08:00:00+09:00
draft = true
slug = "dyes-of-spring"
categories = ["Craft", "Colour"]
tags = ["dye", "red"]
images = ["cover.png"]
summary = "What reddens."
weight = 3
+++
{{< figure src="madder root.png" alt="A root" caption="Madder" >}}

See [the other]({{< relref "indigo.md" >}}) and {{< unknown a="b" >}}.

{{< youtube dQw4w9WgXcQ >}}

![Seen](/images/vat.png)

```go
{{< figure src="not.png" >}}
```
""",
    "content/posts/dyes/madder root.png": picture(),
    "content/posts/dyes/cover.png": picture("blue"),
    "content/posts/indigo.md": '{\n "title": "Indigo",\n "date": "2024-04-05"\n}\n\nBlue.\n',
    "content/posts/woad.md": "---\ntitle: Woad\ndate: 2024-05-06\n---\n\nAlso blue.\n",
    "static/images/vat.png": picture("green"),
}

BUTTONDOWN: Files = {
    "emails/a-loom.md": """\
---
id: 0f6a
subject: "A loom: built"
email_type: public
status: published
slug: a-loom
publish_date: 2024-03-04T08:00:00Z
description: How it was built.
image: ../media/cover.png
metadata:
  n: 1
---

<!-- buttondown-editor-mode: plaintext -->
Hello {{ subscriber.metadata.name }}.

![A loom](../media/loom.png)
""",
    "emails/paid.md": """\
---
subject: For some
email_type: premium
status: draft
slug: paid
creation_date: 2024-04-05T08:00:00Z
---

<!-- buttondown-editor-mode: fancy --><p>Some <strong>bold</strong> words.</p>
""",
    "media/loom.png": picture(),
    "media/cover.png": picture("blue"),
    "newsletter.json": "{}",
}


def table(*rows: Mapping[str, object]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


BUTTONDOWN_TABLE: Files = {
    "emails.csv": table(
        {
            "subject": "A loom",
            "body": "Some *words*,\non two lines.",
            "publish_date": "2024-03-04T08:00:00Z",
            "slug": "a-loom",
            "status": "sent",
            "metadata": "{}",
        },
        {"subject": "Empty", "body": "", "publish_date": "", "slug": "", "status": "draft"},
    ),
    "subscribers.csv": "email\nada@example.com\n",
}

_LEXICAL = {
    "root": {
        "type": "root",
        "children": [
            {
                "type": "paragraph",
                "children": [
                    {"type": "extended-text", "text": "Bold & ", "format": 1},
                    {
                        "type": "link",
                        "url": "https://e.example/",
                        "children": [{"type": "extended-text", "text": "a link", "format": 0}],
                    },
                ],
            },
            {
                "type": "list",
                "listType": "number",
                "children": [{"type": "listitem", "children": [{"type": "text", "text": "one"}]}],
            },
            {"type": "image", "src": "__GHOST_URL__/content/images/2024/03/loom.png", "alt": "L"},
            {"type": "codeblock", "code": "a < b"},
            {"type": "nft", "url": "x"},
        ],
    }
}
_MOBILEDOC = {
    "version": "0.3.1",
    "markups": [["strong"], ["a", ["href", "https://e.example/"]]],
    "cards": [["card-markdown", {"markdown": "Some *words*"}], ["nft", {}]],
    "sections": [
        [1, "p", [[0, [0], 1, "Bold"], [0, [], 0, " and "], [0, [1], 1, "a link"]]],
        [3, "ul", [[[0, [], 0, "one"]]]],
        [10, 0],
        [10, 1],
    ],
}


def _ghost() -> str:
    common = {"type": "post", "status": "published", "visibility": "public", "html": None}
    posts = [
        {
            **common,
            "id": "1",
            "title": "A loom",
            "slug": "a-loom",
            "html": '<p>See <a href="__GHOST_URL__/about/">us</a>.</p><figure class="kg-card">'
            '<img src="__GHOST_URL__/content/images/size/w600/2024/03/loom.png" alt="A loom">'
            '<figcaption>The <a href="https://e.example/">loom</a></figcaption></figure>'
            '<div class="kg-card kg-callout-card"><div>💡</div><div>Mind it.</div></div>'
            "<script>track()</script>",
            "feature_image": "__GHOST_URL__/content/images/2024/03/cover.png",
            "published_at": "2024-03-04T08:00:00.000Z",
            "custom_excerpt": "How it was built.",
        },
        {
            **common,
            "id": "2",
            "title": "Second",
            "slug": "second",
            "status": "draft",
            "visibility": "paid",
            "lexical": json.dumps(_LEXICAL),
            "created_at": "2024-04-05 08:00:00",
        },
        {
            **common,
            "id": "3",
            "title": "Third",
            "slug": "third",
            "mobiledoc": json.dumps(_MOBILEDOC),
            "published_at": "2024-05-06T08:00:00.000Z",
        },
        {**common, "id": "4", "title": "About", "slug": "about", "type": "page", "html": "<p>x"},
        {**common, "id": "5", "title": "Empty", "slug": "empty"},
    ]
    data = {
        "posts": posts,
        "posts_meta": [{"post_id": "1", "email_subject": "It is built"}],
        "tags": [{"id": "a", "name": "#internal"}, {"id": "b", "name": "Craft"}],
        "posts_tags": [
            {"post_id": "1", "tag_id": "a", "sort_order": 0},
            {"post_id": "1", "tag_id": "b", "sort_order": 1},
        ],
        "users": [{"id": "u", "name": "Ann"}],
        "posts_authors": [{"post_id": "1", "author_id": "u", "sort_order": 0}],
    }
    return json.dumps({"db": [{"meta": {"version": "6.0.0"}, "data": data}]})


GHOST: Files = {
    "looms.ghost.2024-06-07.json": _ghost(),
    "content/images/2024/03/loom.png": picture(),
    "content/images/2024/03/cover.png": picture("blue"),
}

SUBSTACK: Files = {
    "posts.csv": table(
        {
            "post_id": "101.a-loom",
            "post_date": "2024-03-04T08:00:00.000Z",
            "is_published": "true",
            "email_sent_at": "2024-03-04T08:00:00.000Z",
            "inbox_sent_at": "",
            "type": "newsletter",
            "audience": "everyone",
            "title": "A loom: built",
            "subtitle": "How it was built",
            "podcast_url": "",
        },
        {
            "post_id": "102.draft",
            "post_date": "2024-04-05T08:00:00.000Z",
            "is_published": "false",
            "type": "podcast",
            "audience": "only_paid",
            "title": "Second",
        },
        {"post_id": "103.gone", "is_published": "true", "type": "newsletter", "title": "Gone"},
    ),
    "posts/101.a-loom.html": (
        '<p>One<a class="footnote-anchor" data-component-name="FootnoteAnchorToDOM" '
        'id="footnote-anchor-1" href="#footnote-1">1</a>, and a claim<a class="footnote-anchor" '
        'href="https://old.example/p/a-loom#footnote-7">7</a>.</p>'
        '<div class="subscription-widget-wrap-editor"><div class="subscription-widget"><form>'
        '<input type="email"></form></div></div><div class="captioned-image-container"><figure>'
        '<a class="image-link" href="https://far.example/x.png"><img '
        'src="https://far.example/x%20y.png?s=1" alt="Far"></a></figure></div>'
        '<p class="button-wrapper"><a class="button primary" href="%%share_url%%">Share</a></p>'
        '<div data-component-name="FootnoteToDOM" class="footnote"><a id="footnote-1" '
        'href="#footnote-anchor-1" class="footnote-number">1</a><div class="footnote-content">'
        "<p>Truly.</p><p>Twice.</p></div></div>"
    ),
    "posts/102.draft.html": "<h3>Head</h3><p>Words</p>",
    "posts/101.a-loom.opens.csv": "post_id,email\n101,ada@example.com\n",
}


def as_folder(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def as_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
