"""For each rule on the source an issue that breaks it, and a near one that does not."""

from dataclasses import dataclass

from newsletter.digest import Parsed
from newsletter.lint import check
from newsletter.model.finding import Finding, Severity
from tests.unit.digest.reading import read

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

STEM = "2026-01-07-valley"
PROSE = (
    "Looms that count threads came to [the valley](https://example.com/looms) this week, and the "
    "weavers who watched them for an afternoon say that they are slower than people say, but that "
    "they never tire, which is what the owners of the valley had asked for "
    "from the very first day.\n"
)
PROMO = (
    '---\n\n<div class="card"><h3>Join us</h3><a href="https://example.com/join">Join</a></div>\n'
)


def front(*lines: str, without: str = "") -> str:
    """Front matter that no rule complains about, with more lines or without one of its keys."""
    keys = (
        "title: News of the valley",
        "date: 2026-01-07",
        "coverImage: https://example.com/cover.png",
        "summary: Looms came to the valley",
    )
    kept = [key for key in keys if not without or not key.startswith(without)]
    return "\n".join(["---", *kept, *lines, "---", ""])


FRONT = front()  # six lines: the body begins in line 7


def issue(body: str) -> str:
    """An issue of nothing but this body, below front matter that is in order."""
    return FRONT + body


def longer(body: str) -> str:
    """An issue with this in line 9, below a paragraph that is long enough for an issue."""
    return FRONT + PROSE + "\n" + body


def findings(source: str, rule: str = "", stem: str = STEM) -> list[Finding]:
    """What lint says about an issue without looking at its email, of one rule or of all."""
    parsed = read(source, stem=stem)
    found = check(parsed.digest, None, parsed.findings)
    return [finding for finding in found if finding.rule == rule or not rule]


def parsed_issue(source: str) -> Parsed:
    return read(source, stem=STEM)


@dataclass(frozen=True)
class Example:
    """`good` is as near to `bad` as can be."""

    rule: str
    severity: Severity
    line: int
    bad: str
    good: str
    column: int | None = None
    stem: str = STEM


DIGEST_RULES = (
    Example("empty-body", ERROR, 1, issue(PROMO), issue("![Looms](https://example.com/l.png)\n")),
    Example("empty-body", ERROR, 1, issue("# News of the valley\n"), issue("Looms.\n")),
    Example(
        "placeholder-issue",
        ERROR,
        2,
        "---\ntitle: Report Title\n---\n" + PROSE,
        "---\ntitle: Report Titles of 2026\n---\n" + PROSE,
    ),
    Example(
        "placeholder-issue",
        ERROR,
        5,
        front("summary: 'System status: nominal.'", without="summary") + PROSE,
        front("summary: 'System status: nominal again.'", without="summary") + PROSE,
    ),
    Example(
        "placeholder-issue",
        ERROR,
        7,
        issue("详细 report 内容\n"),
        issue("详细 report 内容在第二段。\n"),
    ),
    Example(
        "placeholder-issue",
        ERROR,
        9,
        issue("\n\nLorem ipsum dolor sit amet, consectetur adipiscing elit.\n"),
        issue("\n\nLorem ipsum is what printers set.\n"),
    ),
    Example(
        "truncated-issue",
        ERROR,
        9,
        longer(f"## [The council keeps\n\n{PROMO}"),
        longer(f"## [The council keeps\n\nits promise.\n\n{PROMO}"),
    ),
    Example(
        "truncated-issue",
        ERROR,
        9,
        longer("## [The council](https://exam\n\n---\n"),
        longer("## [The council](https://example.com/c)\n\n---\n"),
    ),
    Example(
        "truncated-issue",
        ERROR,
        11,
        longer("## Today\n\n### [The council keeps"),
        longer("## Today\n\n### The council keeps [its promise]"),
    ),
    Example("short-issue", WARNING, 1, issue("x" * 199), issue("x" * 200)),
    Example(
        "script-mismatch",
        WARNING,
        1,
        front("title: 纺织周报", without="title") + PROSE,
        front("title: 纺织周报", without="title") + PROSE + "\n织机来了。\n",
    ),
    Example("draft-issue", ERROR, 1, front("draft: true") + PROSE, front("draft: false") + PROSE),
    Example(
        "no-summary",
        INFO,
        1,
        front("summary: ''", without="summary") + PROSE,
        front("summary: Looms", without="summary") + PROSE,
    ),
    Example("no-cover", INFO, 1, front(without="coverImage") + PROSE, FRONT + PROSE),
    Example(
        "long-title",
        WARNING,
        5,
        front(f"title: {'织' * 31}", without="title") + PROSE,
        front(f"title: {'织' * 30}", without="title") + PROSE,
    ),
    Example(
        "long-title",
        WARNING,
        5,
        front(f"title: {'a' * 61}", without="title") + PROSE,
        front(f"title: {'a' * 61}", "subject: Short", without="title") + PROSE,
    ),
    Example(
        "duplicate-heading",
        WARNING,
        13,
        longer("## Looms\n\nOne.\n\n## Looms\n\nTwo.\n"),
        longer("## Looms\n\nOne.\n\n## More looms\n\nTwo.\n"),
    ),
    Example("empty-heading", WARNING, 9, longer("##\n\nOne.\n"), longer("## Looms\n\nOne.\n")),
    Example(
        "heading-skip",
        WARNING,
        11,
        longer("## Looms\n\n#### Deep\n\nOne.\n"),
        longer("## Looms\n\n### Less deep\n\nOne.\n"),
    ),
    Example(
        "repeated-url",
        WARNING,
        15,
        longer(
            "## Looms\n\n### [One](https://example.com/1)\n\nA.\n\n"
            "### [Two](https://example.com/1)\n\nB.\n"
        ),
        longer(
            "## Looms\n\n### [One](https://example.com/1)\n\nA.\n\n"
            "### [Two](https://example.com/2)\n\nB.\n"
        ),
    ),
    Example(
        "image-without-alt",
        ERROR,
        9,
        longer("![](https://example.com/loom.png)\n"),
        longer("![A loom](https://example.com/loom.png)\n"),
    ),
    Example(
        "image-without-alt",
        ERROR,
        9,
        longer('<img src="https://example.com/loom.png">\n'),
        longer('<img src="https://example.com/loom.png" alt="">\n'),
    ),
    Example(
        "image-without-alt",
        ERROR,
        9,
        longer('See <a href="/x"><img src="https://example.com/x.png" alt=""></a>\n'),
        longer('See <a href="/x">it <img src="https://example.com/x.png" alt=""></a>\n'),
    ),
    Example(
        "image-without-alt",
        ERROR,
        9,
        longer('<a href="https://example.com/"><img src="https://e.example/x.png" alt=""></a>\n'),
        longer('<a href="https://example.com/"><img src="https://e.example/x.png" alt="X"></a>\n'),
    ),
    Example(
        "image-without-alt",
        ERROR,
        11,
        longer('---\n\n<div class="card">Join <img src="https://e.example/q.png"></div>\n'),
        longer('---\n\n<div class="card">Join <img src="https://e.example/q.png" alt="Q"></div>\n'),
    ),
    Example(
        "vague-alt",
        WARNING,
        9,
        longer("![IMG_2031.jpg](https://example.com/loom.png)\n"),
        longer("![A loom.](https://example.com/loom.png)\n"),
    ),
    Example(
        "vague-alt",
        WARNING,
        9,
        longer("![Screenshot 2](https://example.com/loom.png)\n"),
        longer("![Screenshot of the loom](https://example.com/loom.png)\n"),
    ),
    Example(
        "vague-alt",
        WARNING,
        9,
        longer("![May be an image of a loom](https://example.com/loom.png)\n"),
        longer("![An image of a loom](https://example.com/loom.png)\n"),
    ),
    Example(
        "plain-text-markup",
        WARNING,
        9,
        longer('![A loom](https://example.com/loom.png "The **new** loom")\n'),
        longer('![A loom](https://example.com/loom.png "The new loom") and **more**\n'),
    ),
    Example(
        "insecure-image",
        WARNING,
        9,
        longer("![A loom](http://example.com/loom.png)\n"),
        longer("![A loom](https://example.com/loom.png) [map](http://example.com/map)\n"),
    ),
    Example(
        "insecure-image",
        WARNING,
        1,
        front("coverImage: http://example.com/c.png", without="coverImage") + PROSE,
        FRONT + PROSE,
    ),
    Example(
        "many-images",
        WARNING,
        1,
        longer("![A loom](https://example.com/loom.png)\n" * 101),
        longer("![A loom](https://example.com/loom.png)\n" * 100),
    ),
    Example(
        "label-misspelt",
        WARNING,
        9,
        longer("**深度解渎：**\n\n- 慢。\n"),
        longer("**深度解读：**\n\n- 慢。\n"),
    ),
    Example(
        "label-misspelt",
        WARNING,
        9,
        longer("**Impect:** slow.\n"),
        longer("**impact:** slow.\n\n**Improve:** much.\n"),
    ),
    Example(
        "broken-link",
        WARNING,
        9,
        longer("[a](https://b.example/c d)\n"),
        longer("[a](https://b.example/c%20d)\n"),
    ),
    Example("unfinished-text", WARNING, 9, longer("TODO: see\n"), longer("TODOS: see\n")),
    Example(
        "vague-link",
        WARNING,
        9,
        longer("Read it [Here](https://example.com/1).\n"),
        longer("Read it [here, in full](https://example.com/1).\n"),
    ),
    Example(
        "literal-template",
        INFO,
        9,
        longer("Dear {{ subscriber | upper }}, hello.\n"),
        longer('Dear {{ subscriber.name | default("reader") }}, `{{ hello }}`.\n'),
    ),
    Example(
        "literal-template",
        INFO,
        9,
        longer("Hello {% 'x' %}.\n"),
        longer("Hello {% include 'x' %} {{< figure >}} [a]({{ b.c }}).\n"),
    ),
    Example(
        "foreign-merge-field",
        WARNING,
        9,
        longer("Dear *|FNAME|*, hello.\n"),
        longer('Dear {{ subscriber.first_name | default("reader") }}, `*|FNAME|*`.\n'),
    ),
    Example(
        "foreign-merge-field",
        WARNING,
        6,
        front("subject: Hello [FIRST NAME]") + PROSE,
        front("subject: Hello first name") + PROSE,
    ),
    Example(
        "duplicate-heading",
        WARNING,
        13,
        longer("## A\n\n### The loom!\n\n### The Loom\n"),
        longer("## C\n\n### The loom\n\n## C++\n\n### The loom\n\n### 1.1\n\n### 11\n"),
    ),
    Example(
        "summary-repeats-title",
        WARNING,
        5,
        front("summary: News of the Valley.", without="summary") + PROSE,
        front("summary: News of the valley and its looms", without="summary") + PROSE,
    ),
    Example(
        "mixed-width",
        INFO,
        9,
        longer("织机来了，很慢，很好，但是,不累。\n"),
        longer("织机来了，很慢，但是, OK,不累。\n"),
    ),
    Example(
        "mixed-width", INFO, 9, longer("织机（很慢)来了。\n"), longer("织机(很慢)来了（今天）。\n")
    ),
    Example(
        "number-unit",
        WARNING,
        11,
        longer("## [Falcon 7B](https://example.com/f)\n\n它只有7亿参数。\n"),
        longer("## [Falcon 7B](https://example.com/f)\n\n它只有70亿参数，融资7亿美元。\n"),
    ),
    Example(
        "attachment-missing",
        WARNING,
        9,
        longer("Please see the attachment.\n"),
        longer("She formed an attachment to the loom attached to the wall.\n"),
    ),
    Example(
        "tracking-parameter",
        WARNING,
        9,
        longer("[Looms](https://example.com/l?id=1&fbclid=x)\n"),
        longer("[Looms](https://example.com/l?id=1&club=x#fbclid=x)\n"),
    ),
    Example(
        "tracking-parameter",
        INFO,
        9,
        longer("[Looms](https://example.com/l?utm_source=x)\n"),
        longer("[Looms](https://example.com/l?source=utm_x)\n"),
    ),
    Example(
        "short-link",
        WARNING,
        9,
        longer("[Looms](https://bit.ly/3x)\n"),
        longer("[Looms](https://orbit.ly/3x)\n"),
    ),
    Example(
        "url-as-text",
        INFO,
        9,
        longer("See https://example.com/looms/and/the/weavers/of/the/valley\n"),
        longer("See https://example.com/looms[^1]\n\n[^1]: https://example.com/" + "x" * 40 + "\n"),
    ),
    Example(
        "url-as-text",
        WARNING,
        9,
        longer("[https://bank.example](https://example.com/1)\n"),
        longer("[https://www.example.com](https://example.com/1)\n"),
    ),
)

PARSER_RULES = (
    Example(
        "summary-nested",
        INFO,
        3,
        "---\ntitle: T\nsummary: |\n  - a\n    - b\n---\nText",
        "---\ntitle: T\nsummary: |\n  - a\n    b\n---\nText",
    ),
    Example("mixed-line-ends", WARNING, 1, longer("One\r\n"), longer("").replace("\n", "\r\n")),
    Example("control-character", WARNING, 9, longer("One\x07"), longer("One\t"), column=4),
    Example("control-character", WARNING, 9, longer("One&#x202e;"), longer("One&#x202f;")),
    Example(
        "bidirectional-control", WARNING, 9, longer("One\u202e"), longer("One\u202f"), column=4
    ),
    Example(
        "replacement-character", WARNING, 9, longer("One\ufffd"), longer("One\ufffc"), column=4
    ),
    Example("front-matter-unclosed", ERROR, 1, "---\ntitle: T\n\nText", "---\ntitle: T\n---\nText"),
    Example("front-matter-not-mapping", ERROR, 2, "---\n- a\n---\n# T", "---\na: 1\n---\n# T"),
    Example(
        "front-matter-invalid",
        ERROR,
        3,
        "---\na: 1\nlayout: ]\n---\n",
        "---\na: 1\ntitle: ]\n---\n",
        column=9,
    ),
    Example(
        "front-matter-too-large",
        ERROR,
        2,
        f"---\ntitle: {'x' * 65536}\n---\n",
        f"---\ntitle: {'x' * 65000}\n---\n",
    ),
    Example(
        "front-matter-aliases",
        ERROR,
        3,
        f"---\nx: &a 1\ny: [{', '.join(['*a'] * 11)}]\ntitle: T\n---\n",
        f"---\nx: &a 1\ny: [{', '.join(['*a'] * 10)}]\ntitle: T\n---\n",
    ),
    Example(
        "front-matter-duplicate-key",
        ERROR,
        7,
        front("slug: a", "slug: b") + PROSE,
        front("slug: a") + PROSE,
    ),
    Example(
        "front-matter-hash",
        INFO,
        6,
        front("category: Letters #12") + PROSE,
        front("category: C#12") + PROSE,
    ),
    Example(
        "front-matter-hash",
        WARNING,
        6,
        front("category: Letters # of the valley") + PROSE,
        front("category: 'Letters # of the valley'", "draft: false # as ever") + PROSE,
    ),
    Example(
        "front-matter-hash",
        WARNING,
        6,
        front("subject: # to be written") + PROSE,
        front("subject:", "# to be written") + PROSE,
    ),
    Example(
        "front-matter-hash",
        INFO,
        6,
        front("theme: digest # as ever") + PROSE,
        front("# as ever", "theme: digest") + PROSE,
    ),
    Example(
        "front-matter-null",
        ERROR,
        6,
        front("category: null") + PROSE,
        front("category: 'null'", "preheader:", "language: null") + PROSE,
    ),
    Example("title-missing", ERROR, 1, "", "# A title\n"),
    Example("title-derived", WARNING, 1, "x" * 81, "# " + "x" * 81),
    Example("title-derived", WARNING, 1, "x", "# x"),
    Example("title-invalid", ERROR, 2, "---\ntitle: [a]\n---\n# T", "---\ntitle: 2026\n---\n"),
    Example("date-missing", WARNING, 1, "", FRONT, stem="valley"),
    Example(
        "date-invalid",
        ERROR,
        2,
        "---\ndate: 2026-02-30\n---\n",
        "---\ndate: 2026-01-07 08:00 +0800\n---\n",
    ),
    Example("date-differs", INFO, 2, "---\ndate: 2026-01-06\n---\n", FRONT),
    Example(
        "date-differs",
        WARNING,
        2,
        "---\ndate: 2025-01-07\n---\n",
        FRONT,
    ),
    Example("unknown-key", WARNING, 6, front("sumary: a") + PROSE, front("lint-ignore: a") + PROSE),
    Example("unknown-key", INFO, 6, front("layout: a") + PROSE, front("author: a") + PROSE),
    Example(
        "unknown-key",
        ERROR,
        6,
        front("subjet: a") + PROSE,
        front("subject: a") + PROSE,
    ),
    Example(
        "unknown-rule",
        WARNING,
        6,
        front("lint-ignore: [no-covr]") + PROSE,
        front("lint-ignore: [no-cover]") + PROSE,
    ),
    Example("slug-invalid", ERROR, 6, front("slug: a b") + PROSE, front("slug: a_b") + PROSE),
    *(
        Example(
            f"{key}-invalid", ERROR, 2, f"---\n{key}: {{a: 1}}\n---\n", f"---\n{key}: ''\n---\n"
        )
        for key in (
            *("category", "tags", "seo", "coverImage", "cover_image", "cover", "summary"),
            *("subject", "preheader", "language", "lang", "list", "theme", "draft", "smart"),
        )
    ),
    *(
        Example(
            f"cover-{rule}",
            severity,
            5,
            front(f"coverImage: '{url}'", without="coverImage") + PROSE,
            front("coverImage: https://example.com/c.png", without="coverImage") + PROSE,
        )
        for rule, severity, url in (
            ("unsafe-link", ERROR, "javascript:alert(1)"),
            ("unknown-scheme", ERROR, "ftp://example.com/c.png"),
            ("not-a-url", WARNING, "#"),
            ("relative-link", WARNING, "/c.png"),
            ("broken-link", WARNING, "https://example.com/{{ issue }}.png"),
            ("user-in-url", WARNING, "https://bank.example@example.com/c.png"),
        )
    ),
    Example(
        "h1-differs",
        WARNING,
        7,
        issue("# Other news\n\n" + PROSE),
        issue("# News of  the valley\n\n" + PROSE),
    ),
    Example(
        "unsafe-link",
        ERROR,
        9,
        longer("[x](javascript:alert(1))"),
        longer("[x](https://example.com/javascript:1)"),
    ),
    Example(
        "unknown-scheme",
        WARNING,
        9,
        longer("[x](hhttps://example.com)"),
        longer("[x](mailto:a@b.c)"),
    ),
    Example(
        "not-a-url", WARNING, 9, longer("[x](无链接)"), longer("[x](https://x.example/无链接)")
    ),
    Example("relative-link", WARNING, 9, longer("[x](/x)"), longer("[x](https://x.example/x)")),
    Example(
        "user-in-url",
        WARNING,
        9,
        longer("[x](https://a@b.example)"),
        longer("[x](https://b.example/@a)"),
    ),
    Example(
        "unused-definition",
        INFO,
        9,
        longer("[x]: https://x.example/"),
        longer("[x]\n\n[x]: https://x.example/\n[//]: # (note)"),
    ),
    Example("html-unclosed", ERROR, 9, longer("<!-- x\n\ny"), longer("<!-- x\n\ny -->")),
    Example("html-unclosed", WARNING, 9, longer("a <b>b"), longer("a <b>b</b>")),
    Example("comment-shown", ERROR, 9, longer("a <!-- b\n\nc -->"), longer("a <!-- b\nc -->")),
    Example(
        "foreign-markup",
        WARNING,
        9,
        longer('<Card href="https://x.example/" />'),
        longer("a Vec<T> and <Card>"),
    ),
    Example("foreign-markup", INFO, 9, longer("a :rocket:"), longer("a \\:rocket: `:rocket:`")),
    Example("foreign-markup", WARNING, 9, longer("{% a %}"), longer("`{% a %}`")),
    Example("hidden-text", WARNING, 9, longer("a <b hidden>b</b>"), longer("a <b>hidden</b>")),
    Example("html-dropped", INFO, 9, longer("<style>p {}</style>"), longer("`<style>`")),
    Example(
        "html-dropped",
        WARNING,
        9,
        longer('a <b onclick="x()">b</b>'),
        longer('a <b class="x">b</b>'),
    ),
    Example(
        "nesting-too-deep",
        WARNING,
        9,
        longer("<div>" * 61 + "a" + "</div>" * 61),
        longer("<div>" * 30 + "a" + "</div>" * 30),
    ),
    Example(
        "broken-table",
        WARNING,
        11,
        longer("| a | b |\n|---|---|\n| `c | d` | e |"),
        longer("| a | b |\n|---|---|\n| `c \\| d` | e | |"),
    ),
    Example(
        "broken-table", WARNING, 9, longer("| a | b |\n| c | d |"), longer("|a| and |b|\nor `|c|`")
    ),
    Example("markup-limit", WARNING, 9, longer("*a* " * 2600), longer("*a* " * 2400)),
    Example(
        "unresolved-reference",
        WARNING,
        9,
        longer("See [a][b]."),
        longer("See [a][b].\n\n[b]: https://b.example"),
    ),
    Example("text-as-heading", WARNING, 9, longer("So it is.\n---"), longer("So it is.\n\n---\na")),
    Example("list-numbers", WARNING, 10, longer("3. a\n2. b"), longer("3. a\n4. b")),
    Example("code-unclosed", WARNING, 9, longer("```\na"), longer("```\na\n```")),
    Example(
        "duplicate-definition",
        WARNING,
        12,
        longer("[a] b\n\n[a]: https://a.example\n[a]: https://b.example"),
        longer("[a] b\n\n[a]: https://a.example\n[A]: https://a.example"),
    ),
    Example("literal-emphasis", WARNING, 9, longer("a **b"), longer("a **b**")),
    Example("literal-emphasis", WARNING, 9, longer("版本** 2"), longer("2**10, xoshiro256** 算法")),
    Example("broken-link", WARNING, 9, longer("[x](x.md)"), longer("[x](https://x.example/x.md)")),
    Example("unknown-footnote", WARNING, 9, longer("a[^1]"), longer("a[^1]\n\n[^1]: b")),
    Example("unused-footnote", WARNING, 9, longer("[^1]: b"), longer("[^1]: b\n\na[^1]")),
)
